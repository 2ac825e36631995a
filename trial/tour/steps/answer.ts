import { fingerprint } from '../fingerprint.js';
import type { Progress, Step, StepResult, Surroundings } from '../step.js';
import { callOnce } from '../whoami-call.js';
import type { CallOutcome } from '../whoami-call.js';
import { rawOf, tokenFacts, unlessAnswered } from './outcome-result.js';

export const answer: Step = {
  id: 'answer',
  title: 'The answer, with another token',
  text: (_name, login) =>
    `Open the consent page of step 2, agree, and sign in at the upstream provider as ${login}@upstream (the password is the name again). Then look at what came back: the warehouse never saw the token that the client sent.`,
  actions: [{ id: 'answer', button: 'Show the answer', run: show }],
};

/** The person may still be typing when the button is pressed. */
const waitMs = 8_000;

async function show(progress: Progress, around: Surroundings): Promise<StepResult> {
  const outcome = await outcomeOf(progress, around);
  if (outcome === undefined) {
    return {
      outcome: 'waiting',
      says: 'The call still waits for your decision. Open the consent page, agree, and press the button again.',
      ...(progress.lastLink === undefined
        ? {}
        : { link: { href: progress.lastLink, words: 'Open the consent page' } }),
    };
  }
  if (outcome.kind === 'paused') progress.lastLink = outcome.link;
  const received = await around.services.receivedBySnowdemo();
  return unlessAnswered(outcome, (answered) => {
    progress.seen = answered.whoami;
    withdrawLink(progress);
    const sent = fingerprint(progress.visitor.accessToken);
    const clean =
      !received.includes(progress.visitor.accessToken) && sent !== answered.whoami.tokenFingerprint;
    return {
      outcome: clean ? 'done' : 'failed',
      says: clean
        ? 'Two different tokens. In everything that the warehouse has received, the token that the client sent does not occur.'
        : 'The warehouse has received the token that the client sent. That must never happen.',
      facts: tokenFacts(progress, answered),
      raw: rawOf(answered.exchange),
    };
  });
}

async function outcomeOf(
  progress: Progress,
  { upstreamUrl }: Surroundings,
): Promise<CallOutcome | undefined> {
  const { waiting, visitor, kind } = progress;
  if (waiting === undefined || waiting.kind === 'plain') {
    return callOnce(kind, upstreamUrl, visitor.accessToken);
  }
  const ended = await waiting.ended(waitMs);
  if (ended === undefined) return undefined;
  delete progress.waiting;
  void waiting.close();
  return ended;
}

/** The link of step 2 has done its work: nobody needs to be led there again. */
function withdrawLink({ results }: Progress): void {
  const { links: _used, ...rest } = results.get('call') ?? {};
  if ('says' in rest) results.set('call', rest);
}
