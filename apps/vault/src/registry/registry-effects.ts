import type { AuditActor } from '../audit/audit-log.js';
import type { Transaction } from '../database/database.js';
import type { RegistryRow } from './registry-row.js';

/** Implemented by grants: a changed registration must not go on using what it was granted as another. */
export interface GrantSuspender {
  /**
   * How many grants were suspended; `reason` is shown to people. `moved`: what the old authorization server gave is
   * forgotten too, or ending a grant later would send it to the new one (row 34).
   */
  suspend(
    tx: Transaction,
    where: { oauthClientId: string; moved?: true } | { upstreamId: string },
    reason: string,
  ): Promise<number>;
}

/** Implemented by grants: people agreed to another destination than this upstream now is. */
export interface ConsentVoider {
  /** Ends every consent for the upstream, telling the gateways; answers how many. */
  voidAll(tx: Transaction, upstream: { id: string; slug: string }, reason: string): Promise<number>;
}

/** Implemented by sessions: whoever signed in at an issuer that is now another signs in again. */
export interface SessionEnder {
  endAll(tx: Transaction, issuerId: string): Promise<number>;
}

/** What outside the registry stands on a resource. */
export interface ResourceDependents {
  /** Whatever forbids the removal, in words such as `3 grants`. */
  living(tx: Transaction, resource: RegistryRow): Promise<readonly string[]>;
  /** Removes the records that end with the resource: ended grants, consents, interactions. */
  forget(tx: Transaction, resource: RegistryRow): Promise<void>;
}

/** What a change of the registry sets off elsewhere, in the same transaction. */
export interface RegistryEffects {
  readonly grants: GrantSuspender;
  readonly consents: ConsentVoider;
  readonly sessions: SessionEnder;
  readonly dependents: ResourceDependents;
}

/** Who changes the registry. `bootstrap`: by the bootstrap token or file, which alone may move an issuer. */
export interface ChangeAuthority {
  readonly actor: AuditActor;
  readonly bootstrap: boolean;
  readonly requestId?: string;
}
