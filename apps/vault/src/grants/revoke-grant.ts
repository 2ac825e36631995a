import { SealBroken } from '#lib/sealing/message';
import type { AuditActor, AuditLog } from '../audit/audit-log.js';
import type { Database, Transaction } from '../database/database.js';
import type { VaultLogger } from '../log-events.js';
import type { Registry } from '../registry/registry-snapshot.js';
import type { GrantEvents } from './grant-events.js';
import { isBroughtToken } from './grant-holder.js';
import type { RevocationReport } from './grants.js';
import type { PostgresConsentStore } from './postgres-consent-store.js';
import type { StoredGrant } from './postgres-grant-row.js';
import type { HeldToken, PostgresGrantEnding } from './postgres-grant-ending.js';
import type {
  OwedRevocation,
  PostgresRevocationStore,
  TokenToRevoke,
} from './postgres-revocation-store.js';
import { type Revoked, reportOf } from './revocation-report.js';
import type { RevokeAtProvider } from './revoke-at-provider.js';

export interface RevokeParts {
  readonly database: Database;
  readonly ending: PostgresGrantEnding;
  readonly consents: PostgresConsentStore;
  readonly revocations: PostgresRevocationStore;
  readonly atProvider: RevokeAtProvider;
  readonly registry: Registry;
  readonly audit: AuditLog;
  readonly events: GrantEvents;
  readonly logger: VaultLogger;
}

export interface Ended {
  /** As it was. */
  readonly grant: StoredGrant;
  readonly owed: readonly OwedRevocation[];
  /** A token was there that does not open. */
  readonly unreadable: boolean;
  /** A token that was brought: its service is told nothing, and it may be valid there. */
  readonly leftAlone: boolean;
}

const nothingOwed = { owed: [], unreadable: false, leftAlone: false } as const;

interface Ending {
  readonly by: AuditActor;
  readonly reason: string;
  /** Who asks the provider: the caller, or the background. */
  readonly told: 'leased' | 'due';
  readonly alongside?: (tx: Transaction, ended: Ended) => Promise<void>;
}

/**
 * Ends a grant here first, so that it is over whatever the provider says, and owes its tokens' revocation in the same
 * transaction (RFC 7009): if the provider does not answer now, it is asked again.
 */
export class RevokeGrant {
  constructor(private readonly parts: RevokeParts) {}

  /**
   * Ends it here, and leaves the provider to the background. `alongside` stores in the same transaction what ended;
   * it is not called where there is nothing to end.
   */
  async end(
    id: string,
    by: AuditActor,
    reason: string,
    alongside: (tx: Transaction, ended: Ended) => Promise<void>,
  ): Promise<void> {
    await this.#endHere(id, { by, reason, told: 'due', alongside });
  }

  /** Undefined if there is no such grant; a second time there is nothing left to revoke. */
  async revoke(id: string, by: AuditActor, reason: string): Promise<RevocationReport | undefined> {
    const ended = await this.#endHere(id, { by, reason, told: 'leased' });
    if (ended === undefined) return undefined;
    const revoked: Revoked[] = [];
    for (const owed of ended.owed)
      revoked.push({ owed, answer: await this.#revokeThere(owed, by) });
    const pending = await this.parts.revocations.pendingOf(id);
    return reportOf({ ...ended, revoked, pending });
  }

  #endHere(id: string, { by, reason, told, alongside }: Ending): Promise<Ended | undefined> {
    return this.parts.database.transaction(async (tx) => {
      const found = await this.parts.ending.tokensToRevoke(tx, id);
      if (found === undefined) return undefined;
      const { grant: before, tokens } = found;
      if (before.status === 'revoked') return { grant: before, ...nothingOwed };
      const owed: OwedRevocation[] = [];
      const isBrought = isBroughtToken(before);
      if (!isBrought)
        for (const token of tokens) owed.push(...(await this.#owe(tx, before, token, told)));
      const grant = await this.parts.ending.end(tx, before, reason);
      await this.parts.consents.removeOf(tx, grant, this.#upstreamsOf(grant));
      const issuer = this.parts.events.issuerOf(grant.issuerId);
      await this.parts.audit.record(tx, {
        action: 'grant.revoked',
        outcome: 'success',
        actor: by,
        target: { grantId: grant.id, issuer, subject: grant.subject },
        detail: { reason },
      });
      await this.parts.events.publish(tx, grant);
      const unreadable = !isBrought && owed.length < tokens.length;
      const leftAlone = isBrought && tokens.length > 0;
      const ended = { grant: before, owed, unreadable, leftAlone };
      await alongside?.(tx, ended);
      return ended;
    });
  }

  /** Nothing for a token that does not open: that must keep nobody from ending the grant. */
  async #owe(
    tx: Transaction,
    grant: StoredGrant,
    held: HeldToken,
    told: Ending['told'],
  ): Promise<OwedRevocation[]> {
    const { id: grantId, issuerId, subject, oauthClientId } = grant;
    try {
      const token: TokenToRevoke = {
        ...{ grantId, issuerId, subject, oauthClientId },
        cause: 'grant',
        tokenKind: held.kind,
        token: await held.open(),
        validUntil: held.expiresAt,
        upstreamSubject: grant.account?.subject,
      };
      const owed = await this.parts.revocations.add(tx, token, told);
      return [owed];
    } catch (error) {
      if (!(error instanceof SealBroken)) throw error;
      this.parts.logger.error({ event: 'grant.revocation_broken', grantId, err: error });
      return [];
    }
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

  /** The grant is over by now: what goes wrong here is for the background, not for the caller. */
  async #revokeThere(owed: OwedRevocation, by: AuditActor): Promise<Revoked['answer']> {
    try {
      return await this.parts.atProvider.revoke(owed, by);
    } catch (error) {
      const { grantId } = owed;
      this.parts.logger.error({ event: 'grant.revocation_broken', grantId, err: error });
      return 'pending';
    }
  }
}
