import { setTimeout as sleep } from 'node:timers/promises';
import type { Progress, Step, StepResult, Surroundings } from '../step.js';
import { callOnce } from '../whoami-call.js';
import type { CallOutcome } from '../whoami-call.js';
import { rawOf, tokenFacts, unlessAnswered } from './outcome-result.js';

export const outages: Step = {
  id: 'outages',
  title: 'Outages',
  text: () =>
    'The upstream provider goes away for the length of a call: the token that is still good is served. Then the vault is restarted: nothing that anybody agreed to is lost.',
  actions: [
    { id: 'provider-off', button: 'Call while the provider is off', run: providerOff },
    { id: 'vault-restart', button: 'Restart the vault and call', run: vaultRestart },
  ],
};

async function providerOff(progress: Progress, around: Surroundings): Promise<StepResult> {
  await around.services.setUpstreamProvider('unavailable');
  try {
    const outcome = await call(progress, around);
    return answered(
      progress,
      outcome,
      'The provider answered nothing but 503; the call was answered all the same. It is on again.',
    );
  } finally {
    await around.services.setUpstreamProvider('up');
  }
}

/** The gateway hears of the new process within a second or two. */
const settleMs = 10_000;

async function vaultRestart(progress: Progress, around: Surroundings): Promise<StepResult> {
  const startedAt = performance.now();
  await around.services.restartVault();
  const tookMs = performance.now() - startedAt;
  let outcome = await call(progress, around);
  while (outcome.kind === 'failed' && performance.now() - startedAt < tookMs + settleMs) {
    await sleep(300);
    outcome = await call(progress, around);
  }
  return answered(
    progress,
    outcome,
    `The vault was stopped and started in ${(tookMs / 1000).toFixed(1)} s. The connection is still there.`,
  );
}

function call({ kind, visitor }: Progress, { upstreamUrl }: Surroundings): Promise<CallOutcome> {
  return callOnce(kind, upstreamUrl, visitor.accessToken);
}

function answered(progress: Progress, outcome: CallOutcome, says: string): StepResult {
  return unlessAnswered(outcome, (answer) => {
    progress.seen = answer.whoami;
    const facts = tokenFacts(progress, answer);
    return { outcome: 'done', says, facts, raw: rawOf(answer.exchange) };
  });
}
