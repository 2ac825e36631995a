import { setTimeout as sleep } from 'node:timers/promises';
import type { Progress, Step, StepResult, Surroundings } from '../step.js';
import { callOnce } from '../whoami-call.js';
import type { CallOutcome } from '../whoami-call.js';
import { rawOf, tokenFacts } from './outcome-result.js';

export const disconnect: Step = {
  id: 'disconnect',
  title: 'Disconnect, and the next call pauses',
  text: (name) =>
    `${name} can end it on the page My connections; here the tour does it as an administrator. The vault forgets the tokens, tells the provider (RFC 7009), and tells every gateway at once.`,
  actions: [{ id: 'disconnect', button: 'Disconnect and call', run: end }],
};

/** How long a gateway may take to hear of it. */
const heardWithinMs = 5_000;

async function end(progress: Progress, around: Surroundings): Promise<StepResult> {
  const { services } = around;
  const grants = await services.grantsOf(progress.visitor.subject);
  const live = grants.filter(({ status }) => status !== 'revoked');
  const reports = await Promise.all(live.map(({ id }) => services.revoke(id)));
  const startedAt = performance.now();
  let outcome = await call(progress, around);
  while (outcome.kind === 'answer' && performance.now() - startedAt < heardWithinMs) {
    await sleep(200);
    outcome = await call(progress, around);
  }
  const ended = reports.map((json) => ({ title: 'What the vault achieved', json }));
  if (outcome.kind !== 'paused') return stillServed(progress, outcome, ended);
  delete progress.seen;
  progress.lastLink = outcome.link;
  const ms = Math.round(performance.now() - startedAt);
  return {
    outcome: 'done',
    says: `${live.length === 0 ? 'There was no connection to end.' : 'The connection is gone.'} ${ms} ms later the next call paused. Go back to step 2 to begin again, perhaps with another client.`,
    links: [{ href: `${around.config.vault}/connections`, words: 'Open My connections' }],
    raw: [...ended, ...rawOf(outcome.exchange)],
  };
}

function stillServed(
  progress: Progress,
  outcome: Exclude<CallOutcome, { kind: 'paused' }>,
  ended: NonNullable<StepResult['raw']>,
): StepResult {
  const raw = [...ended, ...rawOf(outcome.exchange)];
  if (outcome.kind === 'failed') {
    return { outcome: 'failed', says: `The call failed: ${outcome.reason}`, raw };
  }
  const facts = tokenFacts(progress, outcome);
  return {
    outcome: 'failed',
    says: 'The call was still answered. It should have paused.',
    facts,
    raw,
  };
}

function call({ kind, visitor }: Progress, { upstreamUrl }: Surroundings): Promise<CallOutcome> {
  return callOnce(kind, upstreamUrl, visitor.accessToken);
}
