import type { AuditActor, AuditLog } from '../audit/audit-log.js';
import { admit } from '../bars/postgres-bar.js';
import type { Transaction } from '../database/database.js';
import type { GrantEvents } from './grant-events.js';
import type { GrantKey, GrantRequest, Grants, GrantView, RevocationReport } from './grants.js';
import type { TokenSet, UpstreamAccount } from '../providers/token-set.js';
import type { PostgresGrantStore } from './postgres-grant-store.js';
import type { RevokeGrant } from './revoke-grant.js';

/** Grants for those who do not refresh: the browser side, the admin side, the registry. */
export class UpstreamGrants implements Grants {
  constructor(
    private readonly grants: PostgresGrantStore,
    private readonly revoking: RevokeGrant,
    private readonly audit: AuditLog,
    private readonly events: GrantEvents,
  ) {}

  find(key: GrantKey): Promise<GrantView | undefined> {
    return this.grants.find(key);
  }

  byId(id: string): Promise<GrantView | undefined> {
    return this.grants.byId(id);
  }

  listOf(person: { issuerId: string; subject: string }): Promise<readonly GrantView[]> {
    return this.grants.listOf(person);
  }

  async store(
    tx: Transaction,
    key: GrantKey,
    tokens: TokenSet,
    account: UpstreamAccount | undefined,
    requested: GrantRequest,
  ): Promise<GrantView> {
    await admit(tx, key);
    const before = await this.grants.lock(tx, key);
    const grant = await this.grants.store(tx, key, tokens, {
      account,
      requestedScopes: requested.scopes,
      target: { resource: requested.resource ?? '', scopes: '' },
    });
    const issuer = this.events.issuerOf(key.issuerId);
    await this.audit.record(tx, {
      action: 'grant.stored',
      outcome: 'success',
      actor: requested.importedBy ?? { kind: 'person', issuer, subject: key.subject },
      target: { grantId: grant.id, version: grant.version, scopes: grant.grantedScopes },
    });
    await this.events.publish(tx, grant, {
      before,
      by: requested.importedBy ? 'import' : 'consent',
    });
    return grant;
  }

  revoke(id: string, by: AuditActor, reason: string): Promise<RevocationReport | undefined> {
    return this.revoking.revoke(id, by, reason);
  }

  async suspend(
    tx: Transaction,
    where: { oauthClientId: string; moved?: true } | { upstreamId: string },
    reason: string,
  ): Promise<number> {
    const suspended = await this.grants.suspend(tx, where, reason);
    for (const grant of suspended) await this.events.publish(tx, grant);
    return suspended.length;
  }
}
