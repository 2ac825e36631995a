import { fingerprint } from '../fingerprint.js';
import type { Exchange } from '../recording-fetch.js';
import type { Fact, Progress, StepResult } from '../step.js';
import type { CallOutcome } from '../whoami-call.js';

type Answered = Extract<CallOutcome, { kind: 'answer' }>;

/** The answer's facts: the token that was sent and the one that arrived, and who the warehouse saw. */
export function tokenFacts(progress: Progress, { whoami }: Answered): readonly Fact[] {
  return [
    {
      name: 'Token the client sent (corporate JWT)',
      value: fingerprint(progress.visitor.accessToken),
      exact: true,
    },
    { name: 'Token the warehouse received', value: whoami.tokenFingerprint, exact: true },
    { name: 'The warehouse says you are', value: `${whoami.account}, role ${whoami.role}` },
    { name: 'Its token', value: `issued ${time(whoami.issuedAt)}, ends ${time(whoami.expiresAt)}` },
  ];
}

/** For steps that expect an answer: a pause is no failure, it needs the person first. */
export function unlessAnswered(
  outcome: CallOutcome,
  done: (answered: Answered) => StepResult,
): StepResult {
  if (outcome.kind === 'answer') return done(outcome);
  if (outcome.kind === 'paused') {
    return {
      outcome: 'waiting',
      says: 'The call paused: the warehouse is not connected. Open the link and agree, then repeat this step.',
      links: [{ href: outcome.link, words: 'Open the consent page' }],
      raw: rawOf(outcome.exchange),
    };
  }
  return {
    outcome: 'failed',
    says: `The call failed: ${outcome.reason}`,
    raw: rawOf(outcome.exchange),
  };
}

export function rawOf(exchange: Exchange | undefined): NonNullable<StepResult['raw']> {
  if (exchange === undefined) return [];
  return [
    { title: 'Raw request', json: exchange.request },
    { title: `Raw answer (HTTP ${exchange.status})`, json: exchange.answer },
  ];
}

function time(epochSeconds: number): string {
  return `${new Date(epochSeconds * 1000).toISOString().slice(11, 19)} UTC`;
}
