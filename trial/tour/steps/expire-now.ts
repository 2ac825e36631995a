import type { Progress, Step, StepResult, Surroundings } from '../step.js';
import { callOnce } from '../whoami-call.js';
import { rawOf, tokenFacts, unlessAnswered } from './outcome-result.js';

export const expireNow: Step = {
  id: 'expire',
  title: 'Expire it now',
  text: () =>
    'The warehouse refuses, from now on, every token that it has accepted so far. The gateway sees the refusal, the vault renews the token with the refresh token that it keeps sealed, and the same call is answered. Nobody is asked anything.',
  actions: [{ id: 'expire', button: 'Expire the token and call', run: expire }],
};

/** The vault renews a refused token once a minute at most. */
const restMs = 60_000;

async function expire(progress: Progress, around: Surroundings): Promise<StepResult> {
  const { upstreamUrl, services } = around;
  const restedMs = services.msSinceExpiry();
  if (restedMs < restMs) {
    const seconds = Math.ceil((restMs - restedMs) / 1000);
    return {
      ...(progress.results.get('expire') ?? { outcome: 'waiting' }),
      says: `The vault believes a refusal once a minute per connection, so that a confused service cannot make it hammer the provider. This can be repeated in ${seconds} s.`,
    };
  }
  const call = () => callOnce(progress.kind, upstreamUrl, progress.visitor.accessToken);
  const before = await call();
  if (before.kind !== 'answer')
    return unlessAnswered(before, () => ({ outcome: 'failed', says: '' }));
  await services.expireTokens();
  const after = await call();
  return unlessAnswered(after, (answered) => {
    progress.seen = answered.whoami;
    const old = before.whoami.tokenFingerprint;
    const renewed = answered.whoami.tokenFingerprint !== old;
    return {
      outcome: renewed ? 'done' : 'failed',
      says: renewed
        ? 'The call was answered with a new token, without a pause and without a page.'
        : 'The warehouse has answered with the same token, which it should have refused.',
      facts: [
        { name: 'Token before, refused now', value: old, exact: true },
        ...tokenFacts(progress, answered),
      ],
      raw: rawOf(answered.exchange),
    };
  });
}
