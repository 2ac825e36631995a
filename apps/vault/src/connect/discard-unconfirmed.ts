import { SealBroken } from '#lib/sealing/message';
import type { Database, Transaction } from '../database/database.js';
import type { PostgresRevocationStore } from '../grants/postgres-revocation-store.js';
import type { VaultLogger } from '../log-events.js';
import type { Registry } from '../registry/registry-snapshot.js';
import type {
  ExpiredAccount,
  PostgresUnconfirmedAccountStore,
} from './postgres-unconfirmed-account-store.js';

const batch = 50;

export interface DiscardUnconfirmedParts {
  readonly database: Database;
  readonly unconfirmed: PostgresUnconfirmedAccountStore;
  readonly revocations: PostgresRevocationStore;
  readonly registry: Registry;
  readonly logger: VaultLogger;
}

/** Tokens of another account that nobody confirmed in time are not only forgotten: they end at their provider. */
export class DiscardUnconfirmed {
  constructor(private readonly parts: DiscardUnconfirmedParts) {}

  /** Answers how many were taken out. */
  async run(): Promise<number> {
    const { database, unconfirmed } = this.parts;
    const taken = await database.transaction(async (tx) => {
      const expired = await unconfirmed.takeExpired(tx, batch, (id) => this.#oauthClientOf(id));
      for (const account of expired) await this.#owe(tx, account);
      return expired.length;
    });
    return taken === batch ? taken + (await this.run()) : taken;
  }

  async #owe(tx: Transaction, { issuerId, subject, held }: ExpiredAccount): Promise<void> {
    if (held === undefined) return;
    try {
      const { tokens, account } = await held.open();
      const { refreshToken, accessToken, expiresAt } = tokens;
      await this.parts.revocations.add(
        tx,
        {
          ...{ grantId: null, issuerId, subject, oauthClientId: held.oauthClientId },
          cause: 'unconfirmed-account',
          tokenKind: refreshToken ? 'refresh_token' : 'access_token',
          token: refreshToken ?? accessToken,
          validUntil:
            refreshToken || expiresAt === undefined ? undefined : new Date(expiresAt * 1000),
          upstreamSubject: account?.subject,
        },
        'due',
      );
    } catch (error) {
      // Of another oauth client than the upstream has now: its tokens are not for this one.
      if (!(error instanceof SealBroken)) throw error;
      this.parts.logger.warn({ event: 'grant.revocation_broken', err: error });
    }
  }

  #oauthClientOf(upstreamId: string): string | undefined {
    const registry = this.parts.registry.current();
    const credential = registry.upstreamById(upstreamId)?.document.credential;
    return credential?.type === 'oauth'
      ? registry.oauthClient(credential.oauthClient)?.id
      : undefined;
  }
}
