import type { OAuthRefusal } from './domain/exchange-parameters.js';
import type { AuditRecord } from '../audit/audit-log.js';
import type { ExchangeCall } from './exchange-call.js';

interface Refused extends Pick<ExchangeCall, 'client' | 'requestId'> {
  readonly parameters: Pick<ExchangeCall['parameters'], 'target'>;
}

/** Longer ones are no names of ours. */
const mostCharacters = 200;

/** The audit record of an exchange that gave no token; what the client asked for stands in it as it asked. */
export function refusalRecord(
  { client, parameters: { target }, requestId }: Refused,
  error: string,
  caller: OAuthRefusal['caller'],
): AuditRecord {
  return {
    action: 'token.refused',
    outcome: 'refused',
    actor: {
      kind: 'machine',
      client: client.document.slug,
      ...(caller && {
        issuer: caller.issuer,
        subject: caller.subject,
        application: caller.application,
      }),
    },
    target:
      'audience' in target
        ? { upstream: target.audience.slice(0, mostCharacters) }
        : { resource: target.resource.slice(0, mostCharacters) },
    requestId,
    detail: { error },
  };
}

/** Somebody who did not prove to be a client: nothing that they said is repeated. */
export function strangerRecord(error: string, requestId: string): AuditRecord {
  return {
    action: 'token.refused',
    outcome: 'refused',
    actor: { kind: 'machine' },
    target: {},
    requestId,
    detail: { error },
  };
}
