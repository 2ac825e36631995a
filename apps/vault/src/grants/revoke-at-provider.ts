import type { AuditActor, AuditLog } from '../audit/audit-log.js';
import type { Database } from '../database/database.js';
import type { VaultLogger } from '../log-events.js';
import type { Outbox } from '../outbox/outbox-worker.js';
import { secondsUntilRetry } from '../outbox/retry-schedule.js';
import type { Providers } from '../providers/provider.js';
import type { Registry } from '../registry/registry-snapshot.js';
import type {
  OwedRevocation,
  PostgresRevocationStore,
  RevocationEnd,
} from './postgres-revocation-store.js';

export interface RevokeAtProviderParts {
  readonly database: Database;
  readonly store: PostgresRevocationStore;
  readonly providers: Providers;
  readonly registry: Registry;
  readonly audit: AuditLog;
  readonly logger: VaultLogger;
}

/** RFC 7009 until the provider has answered, for about three days; each oauth client is a lane of its own. */
export class RevokeAtProvider implements Outbox<OwedRevocation> {
  constructor(private readonly parts: RevokeAtProviderParts) {}

  lanes(): readonly string[] {
    return this.parts.registry.current().oauthClients.map(({ id }) => id);
  }

  claim(room: ReadonlyMap<string, number>): Promise<readonly OwedRevocation[]> {
    return this.parts.store.claim(room);
  }

  laneOf({ oauthClientId }: OwedRevocation): string {
    return oauthClientId;
  }

  async attempt(owed: OwedRevocation): Promise<void> {
    await this.revoke(owed, { kind: 'vault' });
  }

  tidy(): Promise<void> {
    return this.parts.store.prune();
  }

  /** How it ended, or `pending`: it did not work, and is tried again. */
  async revoke(owed: OwedRevocation, by: AuditActor): Promise<RevocationEnd | 'pending'> {
    const answer = await this.#ask(owed);
    if (answer === 'gone') return 'superseded';
    if (answer !== 'unanswered') return this.#end(owed, by, answer);
    const seconds = secondsUntilRetry(owed.attempts + 1, undefined, Math.random());
    if (seconds === undefined) return this.#end(owed, by, 'failed');
    if (endsWithin(owed, seconds)) return this.#end(owed, by, 'expired');
    await this.parts.store.postpone(owed, seconds);
    this.#log('grant.revocation_postponed', owed, { seconds: Math.ceil(seconds) });
    return 'pending';
  }

  async #ask(owed: OwedRevocation): Promise<RevocationEnd | 'unanswered' | 'gone'> {
    // Read before the token: what a changed registration drops is then never sent to where it leads now.
    const client = this.parts.registry.current().oauthClientById(owed.oauthClientId);
    if (client === undefined) return 'failed';
    try {
      const provider = this.parts.providers.of(client);
      const token = await this.parts.store.open(owed);
      if (token === undefined) return 'gone';
      if (token === 'superseded') return token;
      const answer = await provider.revoke(token, owed.tokenKind);
      return answer === 'failed' ? 'unanswered' : answer;
    } catch (error) {
      this.parts.logger.error({
        event: 'grant.revocation_broken',
        grantId: owed.grantId ?? undefined,
        err: error,
      });
      return 'unanswered';
    }
  }

  async #end(owed: OwedRevocation, by: AuditActor, end: RevocationEnd): Promise<RevocationEnd> {
    const { database, store, audit, registry } = this.parts;
    const current = registry.current();
    await database.transaction(async (tx) => {
      if (!(await store.end(tx, owed, end))) return;
      await audit.record(tx, {
        action: 'grant.revocation_completed',
        outcome: end === 'failed' || end === 'not-supported' ? 'failed' : 'success',
        actor: by,
        target: {
          ...(owed.grantId === null ? {} : { grantId: owed.grantId }),
          issuer: current.issuerById(owed.issuerId)?.document.slug ?? '',
          subject: owed.subject,
          oauthClient: current.oauthClientById(owed.oauthClientId)?.document.slug ?? '',
        },
        detail: {
          atProvider: end,
          token: owed.tokenKind,
          attempts: owed.attempts + 1,
          cause: owed.cause,
        },
      });
    });
    this.#log('grant.revocation_completed', owed, { atProvider: end });
    return end;
  }

  #log(
    event: 'grant.revocation_postponed' | 'grant.revocation_completed',
    { grantId, tokenKind: kind, attempts }: OwedRevocation,
    more: Record<string, unknown>,
  ): void {
    this.parts.logger.info({ event, grantId, kind, attempt: attempts + 1, ...more });
  }
}

/** Whether the token ends by itself before the next attempt. */
function endsWithin({ validFor }: OwedRevocation, seconds: number): boolean {
  return validFor !== null && validFor < seconds;
}
