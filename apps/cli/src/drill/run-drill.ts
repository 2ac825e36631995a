import { asText } from '#lib/testing/print-outcomes';
import type { Finished } from '#lib/testing/print-outcomes';
import { Tally } from '#lib/testing/tally';
import type { Outcome } from '#lib/testing/tally';
import type { TestIssuer } from '#lib/testing/test-issuer';
import type { DrillExperiment, DrillSettings } from './drill-experiment.js';
import { DrillStack } from './drill-stack.js';
import type { DrillTarget } from './drill-stack.js';
import { herd } from './herd.js';
import { hungProvider } from './hung-provider.js';
import { interrupted } from './interrupted.js';
import type { Interruption } from './interrupted.js';
import { providerOutage } from './provider-outage.js';
import { revokeRaces } from './revoke-races.js';
import { rotationRaces } from './rotation-races.js';
import { transientFaults } from './transient-faults.js';

export interface Drill extends DrillSettings {
  readonly target: DrillTarget;
  /** Only these promises; empty: all. */
  readonly promises: readonly string[];
  readonly interruptions: readonly Interruption[];
  readonly say: (line: string) => void;
}

const always = [
  rotationRaces,
  revokeRaces,
  providerOutage,
  herd,
  transientFaults,
  hungProvider,
] as const;

/** Each experiment has a registration of its own, removed when it is over. Answers whether all was kept. */
export async function runDrill(drill: Drill): Promise<boolean> {
  const { promises, interruptions } = drill;
  const chosen = [...interruptions.map(interrupted), ...always].filter(
    ({ promise }) => promises.length === 0 || promises.includes(promise),
  );
  const issuer = await DrillStack.startIssuer(drill.target);
  try {
    const finished: Finished[] = [];
    for (const experiment of chosen) finished.push(await timed(experiment, drill, issuer));
    drill.say(`\n${asText(finished)}`);
    return finished.every(({ outcome }) => outcome.verdict === 'kept');
  } finally {
    await issuer.stop();
  }
}

async function timed(
  experiment: DrillExperiment,
  drill: Drill,
  issuer: TestIssuer,
): Promise<Finished> {
  const startedMs = performance.now();
  const outcome = await ran(experiment, drill, issuer);
  const seconds = (performance.now() - startedMs) / 1_000;
  drill.say(`${experiment.promise} ${experiment.title}: ${outcome.verdict}`);
  return { experiment, outcome, seconds };
}

/** An experiment that cannot be carried out shows nothing: that counts as broken. */
async function ran(
  experiment: DrillExperiment,
  drill: Drill,
  issuer: TestIssuer,
): Promise<Outcome> {
  let stack: DrillStack | undefined;
  try {
    stack = await DrillStack.start(drill.target, issuer);
    return await experiment.run(stack, drill);
  } catch (error) {
    const tally = new Tally();
    tally.hold(false, error instanceof Error ? error.message : String(error));
    return tally.outcome();
  } finally {
    for (const what of (await stack?.stop()) ?? []) drill.say(`could not be removed: ${what}`);
  }
}
