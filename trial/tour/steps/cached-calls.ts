import type { Progress, Step, StepResult, Surroundings } from '../step.js';
import { WhoamiCaller } from '../whoami-call.js';
import { rawOf, unlessAnswered } from './outcome-result.js';

export const cachedCalls: Step = {
  id: 'again',
  title: 'The next calls, in milliseconds',
  text: () =>
    'The gateway keeps a borrowed token for up to a minute. Within it a call costs no trip to the vault: the vault itself counts the requests to its token endpoint, before and after each call.',
  actions: [{ id: 'again', button: 'Call five times', run: callAgain }],
};

const calls = 5;

async function callAgain(progress: Progress, around: Surroundings): Promise<StepResult> {
  const { visitor, kind } = progress;
  const caller = await WhoamiCaller.connect(kind, around.upstreamUrl, visitor.accessToken);
  const rows: string[][] = [];
  let last: StepResult | undefined;
  try {
    for (let call = 1; call <= calls; call += 1) {
      const before = await around.services.vaultCalls();
      const outcome = await caller.call();
      if (outcome.kind !== 'answer') return unlessAnswered(outcome, () => unreachable);
      const asked = (await around.services.vaultCalls()) - before;
      rows.push([`Call ${call}`, `${(outcome.exchange?.ms ?? 0).toFixed(1)} ms`, `${asked}`]);
      progress.seen = outcome.whoami;
      last = summary(rows, outcome.exchange);
    }
  } finally {
    void caller.close();
  }
  return last ?? unreachable;
}

const unreachable: StepResult = { outcome: 'failed', says: 'There was no call.' };

function summary(
  rows: readonly (readonly string[])[],
  exchange: Parameters<typeof rawOf>[0],
): StepResult {
  const later = rows.slice(1);
  const none = later.every(([, , asked]) => asked === '0');
  return {
    outcome: none ? 'done' : 'failed',
    says: none
      ? 'The first call may have to borrow the token again if a minute has gone by. The others asked the vault nothing.'
      : 'One of the later calls asked the vault: perhaps the token was renewed just now. Call again.',
    table: { head: ['Call', 'Time', 'Requests to the vault’s token endpoint'], rows: [...rows] },
    raw: rawOf(exchange),
  };
}
