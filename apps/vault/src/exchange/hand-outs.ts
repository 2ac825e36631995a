import type { AuditLog, AuditRecord } from '../audit/audit-log.js';
import type { Database } from '../database/database.js';
import { GroupCommit } from '../database/group-commit.js';
import type { GrantUse, PostgresHeldGrants } from '../grants/postgres-held-grants.js';
import { ForeseenHandOuts } from './foreseen-hand-outs.js';

const noteAgainMs = 60_000;
const mostNoted = 50_000;

/**
 * The record without which no token leaves (R10). Those of many exchanges share one commit; each waits for the
 * one that holds its own. That a grant is used is noted at most once a minute per token, and nobody waits for it.
 */
export class HandOuts {
  readonly foreseen = new ForeseenHandOuts();
  readonly #records: GroupCommit<AuditRecord>;
  readonly #uses: GroupCommit<GrantUse>;
  readonly #noted = new Map<string, number>();

  constructor(database: Database, audit: AuditLog, held: Pick<PostgresHeldGrants, 'touchAll'>) {
    this.#records = new GroupCommit(database, (tx, records) => audit.recordAll(tx, records));
    this.#uses = new GroupCommit(database, (tx, uses) => held.touchAll(tx, uses), 1);
  }

  async commit(record: AuditRecord, use: GrantUse): Promise<void> {
    await this.#records.add(record);
    this.note(use);
  }

  /** Of a token that no grant stands behind. */
  record(record: AuditRecord): Promise<void> {
    return this.#records.add(record);
  }

  /** Of one whose record is durable. */
  note(use: GrantUse): void {
    const { grant, target, issuedAt } = use;
    const key = `${grant.id} ${issuedAt} ${target.resource} ${target.scopes}`;
    const now = performance.now();
    if (now - (this.#noted.get(key) ?? -noteAgainMs) < noteAgainMs) return;
    if (this.#noted.size >= mostNoted) this.#noted.clear();
    this.#noted.set(key, now);
    // What could not be noted is at the next hand-out.
    this.#uses.add(use).catch(() => this.#noted.delete(key));
  }
}
