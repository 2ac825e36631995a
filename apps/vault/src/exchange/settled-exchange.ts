import type { ConsentKey } from '../grants/consent-store.js';
import type { GrantKey } from '../grants/grants.js';
import { consumerOf } from './consumer.js';
import type { ExchangeCall } from './exchange-call.js';
import type { Subject } from './exchange-subject.js';
import type { ExchangeTarget } from './exchange-target.js';

/** A call of which it is known whose token it asks for, and under what that is kept. */
export interface Settled extends ExchangeCall {
  readonly subject: Subject;
  readonly target: ExchangeTarget;
}

export function grantKey({ subject, target }: Settled): GrantKey {
  return {
    issuerId: subject.issuerId,
    subject: subject.caller.subject,
    oauthClientId: target.holder.id,
    partition: target.holder.partition,
  };
}

export function consentKey({ client, subject, target }: Settled): ConsentKey {
  return {
    issuerId: subject.issuerId,
    subject: subject.caller.subject,
    application: subject.caller.application,
    consumer: consumerOf(client.document),
    upstreamId: target.upstream.id,
  };
}

/** The same for two calls that ask for the same. */
export function nameOf(settled: Settled): string {
  const { scopes, resource } = settled.target;
  return JSON.stringify([grantKey(settled), resource, consentKey(settled), scopes]);
}
