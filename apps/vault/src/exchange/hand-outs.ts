import type { AuditLog, AuditRecord } from '../audit/audit-log.js';
import type { Database } from '../database/database.js';
import { GroupCommit } from '../database/group-commit.js';
import type { GrantUse, PostgresGrantStore } from '../grants/postgres-grant-store.js';

interface HandOut {
  readonly record: AuditRecord;
  /** Undefined where it was noted within the last minute. */
  readonly use: GrantUse | undefined;
}

const noteAgainMs = 60_000;
const mostNoted = 50_000;

/**
 * The record without which no token leaves (R10). Those of many exchanges share one commit; each waits for the
 * one that holds its own. That a grant is used is noted at most once a minute per token.
 */
export class HandOuts {
  readonly #commits: GroupCommit<HandOut>;
  readonly #noted = new Map<string, number>();

  constructor(database: Database, audit: AuditLog, grants: Pick<PostgresGrantStore, 'touchAll'>) {
    this.#commits = new GroupCommit(database, async (tx, items) => {
      const uses = items.flatMap(({ use }) => use ?? []);
      if (uses.length > 0) await grants.touchAll(tx, uses);
      await audit.recordAll(
        tx,
        items.map(({ record }) => record),
      );
    });
  }

  async commit(record: AuditRecord, use: GrantUse): Promise<void> {
    const { grant, target, issuedAt } = use;
    const key = `${grant.id} ${issuedAt} ${target.resource} ${target.scopes}`;
    const now = performance.now();
    const noted = now - (this.#noted.get(key) ?? -noteAgainMs) < noteAgainMs;
    await this.#commits.add({ record, use: noted ? undefined : use });
    if (noted) return;
    if (this.#noted.size >= mostNoted) this.#noted.clear();
    this.#noted.set(key, now);
  }
}
