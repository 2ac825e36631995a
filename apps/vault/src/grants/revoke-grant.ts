import type { AuditActor, AuditLog } from '../audit/audit-log.js';
import type { Database } from '../database/database.js';
import type { VaultLogger } from '../log-events.js';
import type { Providers } from '../providers/provider.js';
import type { Registry } from '../registry/registry-snapshot.js';
import type { GrantEvents } from './grant-events.js';
import type { RevocationReport } from './grants.js';
import type { PostgresConsentStore } from './postgres-consent-store.js';
import type { StoredGrant } from './postgres-grant-row.js';
import type { PostgresGrantStore, RevocableToken } from './postgres-grant-store.js';

type AtProvider = RevocationReport['atProvider'];

const details: Record<AtProvider, string> = {
  revoked: 'The provider has confirmed that the tokens are no longer valid.',
  'not-supported':
    'Symbolon has forgotten the tokens. The provider offers no way to revoke them; its own account settings may.',
  failed:
    'Symbolon has forgotten the tokens, but the provider did not confirm the revocation. Remove the access in its own account settings.',
  'nothing-to-revoke': 'There was no token left to revoke.',
};

export interface RevokeParts {
  readonly database: Database;
  readonly store: PostgresGrantStore;
  readonly consents: PostgresConsentStore;
  readonly providers: Providers;
  readonly registry: Registry;
  readonly audit: AuditLog;
  readonly events: GrantEvents;
  readonly logger: VaultLogger;
}

/** Ends a grant here first, so that it is over whatever the provider says (RFC 7009). */
export class RevokeGrant {
  constructor(private readonly parts: RevokeParts) {}

  /** Undefined if there is no such grant; a second time there is nothing left to revoke. */
  async revoke(id: string, by: AuditActor, reason: string): Promise<RevocationReport | undefined> {
    const ended = await this.#endHere(id, by, reason);
    if (ended === undefined) return undefined;
    const atProvider =
      ended.token === undefined
        ? 'nothing-to-revoke'
        : await this.#revokeThere(ended.grant, ended.token);
    if (ended.token !== undefined) await this.#recordAnswer(ended.grant, by, atProvider);
    return { grantId: id, atProvider, detail: details[atProvider] };
  }

  #endHere(
    id: string,
    by: AuditActor,
    reason: string,
  ): Promise<{ grant: StoredGrant; token: RevocableToken | undefined } | undefined> {
    return this.parts.database.transaction(async (tx) => {
      const found = await this.parts.store.tokenToRevoke(tx, id);
      if (found === undefined || found.grant.status === 'revoked')
        return found && { ...found, token: undefined };
      const grant = await this.parts.store.end(tx, id, reason);
      await this.parts.consents.removeOf(tx, grant, this.#upstreamsOf(grant));
      await this.parts.audit.record(tx, {
        action: 'grant.revoked',
        outcome: 'success',
        actor: by,
        target: this.#target(grant),
        detail: { reason },
      });
      await this.parts.events.publish(tx, grant);
      return { grant, token: found.token };
    });
  }

  /** Consents that lean on this grant: of its upstream, or of all that share it. */
  #upstreamsOf({ partition, oauthClientId }: StoredGrant): string[] {
    if (partition !== '') return [partition];
    const registry = this.parts.registry.current();
    const slug = registry.oauthClientById(oauthClientId)?.document.slug;
    return registry.upstreams
      .filter(
        ({ document: { credential } }) =>
          'oauthClient' in credential && credential.oauthClient === slug,
      )
      .map((upstream) => upstream.id);
  }

  async #revokeThere(grant: StoredGrant, token: RevocableToken): Promise<AtProvider> {
    const client = this.parts.registry.current().oauthClientById(grant.oauthClientId);
    if (client === undefined) return 'failed';
    try {
      return await this.parts.providers.of(client).revoke(await token.open(), token.hint);
    } catch (error) {
      this.parts.logger.error({ event: 'grant.revocation_broken', grantId: grant.id, err: error });
      return 'failed';
    }
  }

  async #recordAnswer(grant: StoredGrant, by: AuditActor, atProvider: AtProvider): Promise<void> {
    const outcome = atProvider === 'revoked' ? 'success' : 'failed';
    const record = {
      outcome,
      actor: by,
      target: this.#target(grant),
      detail: { atProvider },
    } as const;
    await this.parts.database.transaction((tx) =>
      this.parts.audit.record(tx, { action: 'grant.revoked_at_provider', ...record }),
    );
  }

  #target(grant: StoredGrant): Record<string, string> {
    const issuer = this.parts.events.issuerOf(grant.issuerId);
    return { grantId: grant.id, issuer, subject: grant.subject };
  }
}
