import type { AuditRecord } from '../audit/audit-log.js';
import type { RegistrySnapshot } from '../registry/registry-snapshot.js';
import type { Callback } from './receive-callback.js';

/** The audit record of a callback that gave no grant: stray, forged, or refused by the provider. */
export function callbackRecord(
  { slug, session, requestId }: Callback,
  reason: string,
  registry: RegistrySnapshot,
): AuditRecord {
  const issuer = session && registry.issuerById(session.issuerId)?.document.slug;
  return {
    action: 'callback.refused',
    outcome: 'refused',
    actor: {
      kind: 'person',
      ...(issuer === undefined ? {} : { issuer }),
      ...(session && { subject: session.subject }),
    },
    // Of the address: a name that nobody registered is not repeated.
    target: { oauthClient: registry.oauthClient(slug) === undefined ? '' : slug },
    requestId,
    detail: { reason },
  };
}
