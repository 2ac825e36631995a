import type { Transaction } from '../database/database.js';
import { type PostgresDatabase, queryOf } from '../database/postgres-database.js';
import type { AuditActor } from '../audit/audit-log.js';
import { markRestored } from '../../../../migrations/mark-restored.js';
import type { ProviderProgress, Recovery, RecoveryPlan, RecoveryState } from './recovery.js';

const columns = `id, state, backup_time AS "backupTime", rate AS "ratePerMinute",
  breaker_share AS "breakerShare", actor, marked_at AS "markedAt", started_at AS "startedAt",
  finished_at AS "finishedAt"`;

type Row = { [member in keyof Omit<Recovery, 'providers'>]: Recovery[member] | null };

/** How recoveries stand, and what administrators do with them. */
export class PostgresRecoveryStore {
  constructor(private readonly database: PostgresDatabase) {}

  /** Newest first. */
  async list(): Promise<readonly Recovery[]> {
    const rows = await this.database.query<Row>(
      `SELECT ${columns} FROM recovery ORDER BY marked_at DESC LIMIT 20`,
    );
    const all: Recovery[] = [];
    for (const row of rows) all.push(await this.#withProviders(row));
    return all;
  }

  async byId(id: string): Promise<Recovery | undefined> {
    const [row] = await this.database.query<Row>(`SELECT ${columns} FROM recovery WHERE id = $1`, [
      id,
    ]);
    return row && this.#withProviders(row);
  }

  /** Undefined while one is under way. Marks the database as restored if that was not done before the start. */
  async begin(tx: Transaction, plan: RecoveryPlan, actor: AuditActor): Promise<string | undefined> {
    const query = queryOf(tx);
    await query('LOCK TABLE recovery IN SHARE ROW EXCLUSIVE MODE');
    const [open] = await query<{ state: RecoveryState }>(
      `SELECT state FROM recovery WHERE state <> 'finished'`,
    );
    if (open !== undefined && open.state !== 'held') return undefined;
    if (open === undefined) await markRestored(query);
    await query('DELETE FROM recovery_grant');
    const [begun] = await query<{ id: string }>(
      `UPDATE recovery SET state = 'preparing', started_at = clock_timestamp(), actor = $1,
              backup_time = coalesce($2, backup_time), rate = $3, breaker_share = $4, only_client = $5, never_rotate = $6
        WHERE state = 'held' RETURNING id`,
      [
        JSON.stringify(actor),
        plan.backupTime ?? null,
        plan.ratePerMinute,
        plan.breakerShare,
        plan.onlyClient ?? null,
        plan.neverRotate,
      ],
    );
    return begun?.id;
  }

  /** False where it is not in one of these states (any more). */
  async change(
    tx: Transaction,
    id: string,
    from: readonly RecoveryState[],
    to: RecoveryState,
  ): Promise<boolean> {
    const rows = await queryOf(tx)(
      `UPDATE recovery SET state = $3,
              finished_at = CASE WHEN $3 = 'finished' THEN clock_timestamp() END
        WHERE id = $1 AND state = ANY($2) RETURNING id`,
      [id, from, to],
    );
    return rows.length > 0;
  }

  /** Providers that the breaker stopped go on, and it stops them no more. All without an oauth client. */
  async confirm(tx: Transaction, id: string, oauthClientId: string | undefined): Promise<number> {
    const rows = await queryOf(tx)(
      `UPDATE recovery_provider SET state = 'testing', confirmed = true
        WHERE recovery_id = $1 AND state = 'stopped' AND ($2::uuid IS NULL OR oauth_client_id = $2)
        RETURNING oauth_client_id`,
      [id, oauthClientId ?? null],
    );
    return rows.length;
  }

  /** Gives up on tests: up to `most` of what is held lives as before; answers how many that were. */
  async release(tx: Transaction, id: string, most: number): Promise<number> {
    const rows = await queryOf(tx)(
      `WITH freed AS (
         DELETE FROM recovery_grant WHERE grant_id IN (
           SELECT grant_id FROM recovery_grant WHERE recovery_id = $1 AND outcome IS NULL
            LIMIT $2 FOR UPDATE SKIP LOCKED)
         RETURNING grant_id, issuer_id, subject)
       UPDATE user_grant g SET refresh_after = now() + random() * interval '5 minutes' FROM freed f
        WHERE g.id = f.grant_id AND g.issuer_id = f.issuer_id AND g.subject = f.subject
          AND g.status IN ('active','refreshing') RETURNING g.id`,
      [id, most],
    );
    return rows.length;
  }

  async #withProviders(row: Row): Promise<Recovery> {
    const providers = await this.database.query<ProviderProgress & Record<string, unknown>>(
      `SELECT p.oauth_client_id AS "oauthClientId", p.state, p.alive::float8 AS alive, p.dead::float8 AS dead,
              p.gone::float8 AS gone, p.failures::float8 AS failures,
              count(t.grant_id)::float8 AS waiting, count(t.wanted_at)::float8 AS wanted
         FROM recovery_provider p
         LEFT JOIN recovery_grant t ON t.oauth_client_id = p.oauth_client_id
              AND t.recovery_id = p.recovery_id AND t.outcome IS NULL
        WHERE p.recovery_id = $1 GROUP BY p.recovery_id, p.oauth_client_id ORDER BY p.oauth_client_id`,
      [row.id],
    );
    return {
      ...(row as Recovery),
      backupTime: row.backupTime ?? undefined,
      actor: row.actor ?? undefined,
      startedAt: row.startedAt ?? undefined,
      finishedAt: row.finishedAt ?? undefined,
      providers,
    };
  }
}
