import { exec } from 'node:child_process';
import { promisify } from 'node:util';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Person } from '#lib/testing/stack-person';
import { Tally } from '#lib/testing/tally';
import { answerFor, recovered } from './asking.js';
import type { DrillExperiment } from './drill-experiment.js';
import type { DrillStack } from './drill-stack.js';

export interface Interruption {
  /** `--kill`: in the middle of refreshes · `--restart`: nobody should notice. */
  readonly kind: 'kill' | 'restart';
  /** For the operator's own shell. */
  readonly command: string;
}

const people = 8;

/** The operator's command, run under load: tokens of a second, so that refreshes are always under way. */
export function interrupted({ kind, command }: Interruption): DrillExperiment {
  return {
    promise: kind === 'kill' ? 'R1' : 'R6',
    title: kind === 'kill' ? 'A kill loses nothing' : 'Restarts are invisible',
    run: async (stack, { grace }) => {
      const tally = new Tally();
      stack.provider.families.rotation = { kind: 'grace', graceMs: grace * 1_000 };
      const everybody = await stack.connected(people, 1);
      const load = { over: false };
      const seen = everybody.map((person, i) => callOn(tally, stack, { person, first: i, load }));
      await sleep(2_000);
      tally.faults += 1;
      await promisify(exec)(command);
      await sleep(3_000);
      load.over = true;
      const watched = await Promise.all(seen);
      const sum = (of: 'unavailable' | 'interaction') =>
        watched.reduce((total, one) => total + one[of], 0);
      tally.note('calls that were not served', sum('unavailable'));
      tally.hold(sum('interaction') === 0, `${sum('interaction')} people were asked to consent`);
      tally.within('longest gap', Math.max(...watched.map(({ gapMs }) => gapMs)), 3_000);
      await recovered(tally, stack, everybody);
      return tally.outcome();
    },
  };
}

interface Caller {
  readonly person: Person;
  readonly first: number;
  readonly load: { over: boolean };
}

/** One call after the other; how often it failed, and for how long at a time. */
async function callOn(tally: Tally, stack: DrillStack, { person, first, load }: Caller) {
  const seen = { token: 0, unavailable: 0, interaction: 0, gapMs: 0 };
  let servedAt = performance.now();
  for (let turn = first; !load.over; turn += 1) {
    const said = await answerFor(stack, person, turn);
    tally.operations += 1;
    seen[said] += 1;
    if (said === 'token') {
      seen.gapMs = Math.max(seen.gapMs, performance.now() - servedAt);
      servedAt = performance.now();
    }
    await sleep(50);
  }
  return seen;
}
