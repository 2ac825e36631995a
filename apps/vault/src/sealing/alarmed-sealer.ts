import { SealBroken } from '#lib/sealing/message';
import type { Secret } from '#lib/secret/secret';
import type { AuditLog } from '../audit/audit-log.js';
import type { Database } from '../database/database.js';
import type { VaultLogger } from '../log-events.js';
import type { SealedPlace, Sealer } from './sealer.js';

/** A cursor comes from outside; of an access token the exchange keeps the record, with who asked for it. */
const recordedElsewhere = ['cursor', 'access_token'];
const quietMs = 10 * 60_000;
const remembered = 1_000;

/**
 * Row 37: whoever opens a ciphertext that was moved or changed fails, and this leaves the mark: an audit event
 * `seal.broken` and a log line of level fatal, once in ten minutes for each place.
 */
export class AlarmedSealer implements Sealer {
  readonly #raisedMs = new Map<string, number>();

  constructor(
    private readonly sealer: Sealer,
    private readonly database: Database,
    private readonly audit: AuditLog,
    private readonly logger: VaultLogger,
  ) {}

  seal(place: SealedPlace, value: Secret): Buffer {
    return this.sealer.seal(place, value);
  }

  async open(place: SealedPlace, sealed: Buffer): Promise<Secret> {
    try {
      return await this.sealer.open(place, sealed);
    } catch (error) {
      if (error instanceof SealBroken) await this.#raise(place);
      throw error;
    }
  }

  async #raise(place: SealedPlace): Promise<void> {
    if (recordedElsewhere.includes(place.table) || this.#raisedLately(place)) return;
    const { table, column, rowId, issuer: issuerId, subject, oauthClient: oauthClientId } = place;
    const target = { table, column, rowId, issuerId, subject, oauthClientId };
    this.logger.fatal({ event: 'seal.broken', ...target });
    try {
      await this.database.transaction((tx) =>
        this.audit.record(tx, {
          action: 'seal.broken',
          outcome: 'failed',
          actor: { kind: 'vault' },
          target,
        }),
      );
    } catch (error) {
      this.logger.error({ event: 'sealing.alarm_failed', err: error });
    }
  }

  #raisedLately({ table, column, rowId }: SealedPlace): boolean {
    const key = JSON.stringify([table, column, rowId]);
    const now = performance.now();
    const before = this.#raisedMs.get(key);
    if (before !== undefined && now - before < quietMs) return true;
    if (this.#raisedMs.size >= remembered) this.#raisedMs.clear();
    this.#raisedMs.set(key, now);
    return false;
  }
}
