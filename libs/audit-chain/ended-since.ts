import type { ChainedEvent, ExportedLine } from './chain.js';

/** A grant whose last word in the log is its revocation. */
export interface EndedGrant {
  readonly grantId: string;
  /** When, as the database wrote it. */
  readonly at: string;
}

/** A consent that its person (slug of the issuer, subject) took back, and did not give again. */
export interface EndedConsent {
  readonly issuer: string;
  readonly subject: string;
  readonly application: string;
  readonly consumer: string;
  readonly upstream: string;
  readonly at: string;
}

/** A person who left, and whose bar nobody lifted again. */
export interface EndedPerson {
  readonly issuer: string;
  readonly subject: string;
  readonly at: string;
}

export interface EndedSince {
  readonly grants: readonly EndedGrant[];
  readonly consents: readonly EndedConsent[];
  readonly people: readonly EndedPerson[];
  /** `collection/slug` of registry resources that were changed; what was changed is not in the log. */
  readonly registry: readonly string[];
}

/** What an audit log says has ended, and that a backup from before brings back to life. `since`: RFC 3339. */
export async function endedSince(
  lines: AsyncIterable<ExportedLine>,
  since?: string,
): Promise<EndedSince> {
  const from = since === undefined ? 0 : Date.parse(since);
  const ends = new Map<string, EndedGrant>();
  const consents = new Map<string, EndedConsent>();
  const people = new Map<string, EndedPerson>();
  const registry = new Set<string>();
  for await (const { event } of lines) {
    if (event === null || Date.parse(event.at) < from) continue;
    noteGrant(event, ends);
    noteConsent(event, consents);
    notePerson(event, people);
    if (event.outcome === 'success' && /^(registry|issuer)\./.test(event.action))
      registry.add(`${text(event.target['collection'])}/${text(event.target['slug'])}`);
  }
  return {
    grants: [...ends.values()],
    consents: [...consents.values()],
    people: [...people.values()],
    registry: [...registry],
  };
}

function noteGrant({ action, at, target }: ChainedEvent, ends: Map<string, EndedGrant>): void {
  const grantId = text(target['grantId']);
  if (grantId === '') return;
  if (action === 'grant.revoked') ends.set(grantId, { grantId, at });
  if (action === 'grant.stored') ends.delete(grantId);
}

function noteConsent(event: ChainedEvent, consents: Map<string, EndedConsent>): void {
  const { action, at } = event;
  if (!['consent.given', 'consent.removed', 'consent.voided'].includes(action)) return;
  // The person is the actor where they did it, else part of the target.
  const about = { ...event.actor, ...event.target };
  const consent = {
    issuer: text(about['issuer']),
    subject: text(about['subject']),
    application: text(about['application']),
    consumer: text(about['consumer']),
    upstream: text(about['upstream']),
    at,
  };
  const key = JSON.stringify({ ...consent, at: '' });
  if (action === 'consent.given') consents.delete(key);
  else consents.set(key, consent);
}

function notePerson({ action, at, target }: ChainedEvent, people: Map<string, EndedPerson>): void {
  const issuer = text(target['issuer']);
  const subject = text(target['subject']);
  const key = JSON.stringify([issuer, subject]);
  if (action === 'leaver.ordered') people.set(key, { issuer, subject, at });
  if (action === 'leaver.lifted') people.delete(key);
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : '';
}
