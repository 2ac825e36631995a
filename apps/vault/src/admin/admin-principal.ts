import type { AuditActor } from '../audit/audit-log.js';
import type { ChangeAuthority } from '../registry/registry-effects.js';

/** Who uses the admin API. An auditor reads only. */
export interface AdminPrincipal {
  readonly role: 'admin' | 'auditor';
  /** By the bootstrap token. */
  readonly bootstrap: boolean;
  readonly actor: AuditActor;
}

/** One use of the admin API, as it is audited. */
export interface AdminUse {
  readonly requestId: string;
  readonly method: string;
  /** Path without the query. */
  readonly path: string;
}

export function authorityOf(principal: AdminPrincipal, requestId: string): ChangeAuthority {
  return { actor: principal.actor, bootstrap: principal.bootstrap, requestId };
}
