import type { ToolPrint } from '#lib/contract/gateway-reports';
import type { Transaction } from '../database/database.js';
import { type PostgresDatabase, queryOf } from '../database/postgres-database.js';
import type { Inventory, KnownTool, ToolVerdict } from './domain/judge-tools.js';

/** A tool as an administrator sees it. */
export interface ListedTool extends KnownTool {
  readonly previousFingerprint: string | null;
  readonly firstSeenAt: Date;
  readonly lastSeenAt: Date;
}

// Lists come in pages, and the first callers may see different ones.
const freshMinutes = 10;

/** The fingerprints of the tools of each upstream. */
export class PostgresUpstreamTools {
  constructor(private readonly database: PostgresDatabase) {}

  /** Reports about one upstream come after one another until the transaction ends. */
  async takeTurn(tx: Transaction, upstreamId: string): Promise<void> {
    await queryOf(tx)(
      `SELECT pg_advisory_xact_lock(hashtextextended('symbolon/upstream-tools/' || $1, 0))`,
      [upstreamId],
    );
  }

  async inventory(
    tx: Transaction,
    upstreamId: string,
    names: readonly string[],
  ): Promise<Inventory> {
    const query = queryOf(tx);
    const tools = await query<KnownTool & Record<string, unknown>>(
      `SELECT name, fingerprint, state FROM upstream_tool
        WHERE upstream_id = $1 AND name = ANY($2) ORDER BY last_seen_at, fingerprint`,
      [upstreamId, names],
    );
    const [whole] = await query<{ names: number; fresh: boolean }>(
      `SELECT count(DISTINCT name)::int AS names,
              coalesce(min(first_seen_at) > now() - make_interval(mins => $2), true) AS fresh
         FROM upstream_tool WHERE upstream_id = $1`,
      [upstreamId, freshMinutes],
    );
    return { tools, names: whole?.names ?? 0, fresh: whole?.fresh ?? true };
  }

  async write(
    tx: Transaction,
    upstreamId: string,
    { seenAgain, added, evicted }: ToolVerdict,
  ): Promise<void> {
    const query = queryOf(tx);
    if (evicted.length > 0)
      await query(`DELETE FROM upstream_tool t ${among('USING')}`, [upstreamId, ...lists(evicted)]);
    if (seenAgain.length > 0)
      await query(`UPDATE upstream_tool t SET last_seen_at = now() ${among('FROM')}`, [
        upstreamId,
        ...lists(seenAgain),
      ]);
    if (added.length > 0)
      await query(
        `INSERT INTO upstream_tool (upstream_id, name, fingerprint, state, previous_fingerprint)
         SELECT $1, * FROM unnest($2::text[], $3::text[], $4::text[], $5::text[])`,
        [
          upstreamId,
          ...lists(added),
          added.map(({ state }) => state),
          added.map(({ previous }) => previous ?? null),
        ],
      );
  }

  /** The registry's version; one higher where gateways must read their configuration anew. */
  async version(tx: Transaction, change: { readonly advance: boolean }): Promise<string> {
    const [row] = await queryOf(tx)<{ version: string }>(
      change.advance
        ? 'UPDATE registry_version SET version = version + 1 RETURNING version'
        : 'SELECT version FROM registry_version',
    );
    return row?.version ?? '0';
  }

  list(upstreamId: string): Promise<ListedTool[]> {
    return this.database.query<ListedTool & Record<string, unknown>>(
      `SELECT name, fingerprint, state, previous_fingerprint AS "previousFingerprint",
              first_seen_at AS "firstSeenAt", last_seen_at AS "lastSeenAt"
         FROM upstream_tool WHERE upstream_id = $1 ORDER BY name, first_seen_at, fingerprint`,
      [upstreamId],
    );
  }

  /** All that waits, or what of these names does; answers what it was. */
  approve(
    tx: Transaction,
    upstreamId: string,
    names: readonly string[] | undefined,
  ): Promise<KnownTool[]> {
    return queryOf(tx)<KnownTool & Record<string, unknown>>(
      `UPDATE upstream_tool t SET state = 'approved'
         FROM (SELECT name, fingerprint, state FROM upstream_tool
                WHERE upstream_id = $1 AND state <> 'approved' AND ($2::text[] IS NULL OR name = ANY($2))
                  FOR UPDATE) w
        WHERE t.upstream_id = $1 AND t.name = w.name AND t.fingerprint = w.fingerprint
       RETURNING w.name, w.fingerprint, w.state`,
      [upstreamId, names ?? null],
    );
  }

  /** Everything that is known of the upstream's tools; answers what it was. */
  async forget(tx: Transaction, upstreamId: string): Promise<KnownTool[]> {
    const query = queryOf(tx);
    await query(
      `INSERT INTO upstream_tool_inventory AS i (upstream_id, forgotten) VALUES ($1, 1)
       ON CONFLICT (upstream_id) DO UPDATE SET forgotten = i.forgotten + 1`,
      [upstreamId],
    );
    return query<KnownTool & Record<string, unknown>>(
      'DELETE FROM upstream_tool WHERE upstream_id = $1 RETURNING name, fingerprint, state',
      [upstreamId],
    );
  }
}

function lists(prints: readonly ToolPrint[]): [string[], string[]] {
  return [prints.map(({ name }) => name), prints.map(({ fingerprint }) => fingerprint)];
}

function among(join: 'USING' | 'FROM'): string {
  return `${join} unnest($2::text[], $3::text[]) AS p (name, fingerprint)
    WHERE t.upstream_id = $1 AND t.name = p.name AND t.fingerprint = p.fingerprint`;
}
