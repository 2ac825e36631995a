import type { AuditActor } from '../audit/audit-log.js';
import type { Transaction } from '../database/database.js';
import { type PostgresDatabase, type Query, queryOf } from '../database/postgres-database.js';
import type { Receipt } from './domain/receipt.js';
import type { EndedConnection, Leaver, LeaverOrder, TokenRevocation } from './leaver.js';

export interface LeaverFilter {
  /** Slug. */
  readonly issuer?: string;
  readonly subject?: string;
  readonly status?: 'ending' | 'waiting' | 'complete';
  readonly barred?: boolean;
}

/** What was ended beside connections. */
export type EndedCounts = Pick<Leaver, 'sessions' | 'interactions' | 'consents'>;

/** As it ends in this transaction. */
export type NewConnection = Omit<EndedConnection, 'endedAt'>;

const columns = `l.id, l.number::text AS number, l.issuer_id AS "issuerId", l.issuer, l.subject, l.source, l.reason,
  l.ordered_by AS "orderedBy", l.ordered_at AS "orderedAt", l.request_id AS "requestId",
  l.sessions, l.interactions, l.consents, l.ended_at AS "endedAt", l.settled_at AS "settledAt", l.receipt,
  l.audit_after::text AS "auditAfter", l.audit_until::text AS "auditUntil",
  l.lifted_at AS "liftedAt", l.lifted_by AS "liftedBy"`;

// A receipt that was settled is made anew where more is ended after it.
const unsettled = 'settled_at = NULL, receipt = NULL, audit_until = NULL';

const hasAnswers = `NOT EXISTS (SELECT FROM provider_revocation r
         WHERE r.issuer_id = l.issuer_id AND r.subject = l.subject AND r.state = 'pending')
   AND NOT EXISTS (SELECT FROM unconfirmed_account u JOIN interaction i ON i.id = u.interaction_id
         WHERE i.issuer_id = l.issuer_id AND i.subject = l.subject)`;

type Row = Leaver & Record<string, unknown>;

/** People who left. The bar is a row that nobody has lifted. */
export class PostgresLeaverStore {
  constructor(private readonly database: PostgresDatabase) {}

  /** The row that bars this person, new or not. An administrator's order makes it an administrator's bar. */
  async order(tx: Transaction, order: LeaverOrder): Promise<{ leaver: Leaver; isNew: boolean }> {
    const { issuerId, issuer, subject, source, reason, by, requestId } = order;
    const [row] = await queryOf(tx)<Row & { isNew: boolean }>(
      `INSERT INTO leaver AS l (issuer_id, issuer, subject, source, reason, ordered_by, request_id, audit_after)
       VALUES ($1, $2, $3, $4, $5, $6, $7, (SELECT coalesce(max(sequence), 0) FROM audit_event))
       ON CONFLICT (issuer_id, subject) WHERE lifted_at IS NULL DO UPDATE SET
         source = CASE WHEN excluded.source = 'admin' THEN 'admin' ELSE l.source END
       RETURNING ${columns}, (xmax = 0) AS "isNew"`,
      [issuerId, issuer, subject, source, reason ?? null, JSON.stringify(by), requestId],
    );
    if (row === undefined) throw new Error('INSERT … RETURNING gave no row.');
    const { isNew, ...leaver } = row;
    return { leaver, isNew };
  }

  async count(tx: Transaction, id: string, ended: EndedCounts): Promise<void> {
    const { sessions, interactions, consents } = ended;
    if (sessions + interactions + consents === 0) return;
    await queryOf(tx)(
      `UPDATE leaver SET sessions = sessions + $2, interactions = interactions + $3,
              consents = consents + $4, ${unsettled} WHERE id = $1`,
      [id, sessions, interactions, consents],
    );
  }

  async addConnection(tx: Transaction, id: string, ended: NewConnection): Promise<void> {
    const query = queryOf(tx);
    await query(
      `INSERT INTO leaver_connection (leaver_id, grant_id, oauth_client, upstream, upstream_subject, upstream_account,
         scopes, status_before, connected_at, last_used_at, access_token_until, owed, unreadable, left_alone)
       VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)
       ON CONFLICT (leaver_id, grant_id) DO NOTHING`,
      [
        ...[id, ended.grantId, ended.oauthClient, ended.upstream],
        ...[ended.upstreamSubject, ended.upstreamAccount, ended.scopes, ended.statusBefore],
        ...[ended.connectedAt, ended.lastUsedAt, ended.accessTokenUntil],
        ...[ended.owed, ended.unreadable, ended.leftAlone],
      ],
    );
    await query(`UPDATE leaver SET ${unsettled} WHERE id = $1 AND settled_at IS NOT NULL`, [id]);
  }

  /** Everything here is over. False if that was known. */
  async markEnded(tx: Transaction, id: string): Promise<boolean> {
    const rows = await queryOf(tx)(
      'UPDATE leaver SET ended_at = now() WHERE id = $1 AND ended_at IS NULL RETURNING id',
      [id],
    );
    return rows.length > 0;
  }

  /** Locks a row whose providers have all answered, unless it is settled or another process is at it. */
  async lockSettleable(tx: Transaction, id: string): Promise<Leaver | undefined> {
    const [row] = await queryOf(tx)<Row>(
      `SELECT ${columns.replace('l.settled_at AS', 'now() AS')} FROM leaver l
        WHERE l.id = $1 AND l.ended_at IS NOT NULL AND l.settled_at IS NULL AND ${hasAnswers}
          FOR UPDATE SKIP LOCKED`,
      [id],
    );
    return row;
  }

  /** After its record in the audit log, which is the last that belongs to it. */
  async settle(tx: Transaction, id: string, receipt: Receipt): Promise<void> {
    await queryOf(tx)(
      `UPDATE leaver SET settled_at = now(), receipt = $2,
              audit_until = (SELECT max(sequence) FROM audit_event) WHERE id = $1`,
      [id, JSON.stringify(receipt)],
    );
  }

  /** Lifts a bar that is in force; one that the identity provider may not lift stays. */
  async lift(
    tx: Transaction,
    id: string,
    by: AuditActor,
    source?: 'scim',
  ): Promise<Leaver | undefined> {
    const [row] = await queryOf(tx)<Row>(
      `UPDATE leaver l SET lifted_at = now(), lifted_by = $2
        WHERE l.id = $1 AND l.lifted_at IS NULL AND ($3::text IS NULL OR l.source = $3)
        RETURNING ${columns}`,
      [id, JSON.stringify(by), source ?? null],
    );
    return row;
  }

  async byId(id: string): Promise<Leaver | undefined> {
    const [row] = await this.database.query<Row>(
      `SELECT ${columns} FROM leaver l WHERE l.id = $1`,
      [id],
    );
    return row;
  }

  /** The row that bars a person now. */
  async barOf(
    tx: Transaction,
    person: { issuerId: string; subject: string },
  ): Promise<Leaver | undefined> {
    const [row] = await queryOf(tx)<Row>(
      `SELECT ${columns} FROM leaver l
        WHERE l.issuer_id = $1 AND l.subject = $2 AND l.lifted_at IS NULL FOR UPDATE`,
      [person.issuerId, person.subject],
    );
    return row;
  }

  /** Newest first. */
  list(
    { issuer, subject, status, barred }: LeaverFilter,
    page: { readonly before: string; readonly limit: number },
  ): Promise<Leaver[]> {
    return this.database.query<Row>(
      `SELECT ${columns} FROM leaver l
        WHERE ($1::text IS NULL OR l.issuer = $1) AND ($2::text IS NULL OR l.subject = $2)
          AND ($3::text IS NULL OR $3 = CASE WHEN l.ended_at IS NULL THEN 'ending'
                                             WHEN l.settled_at IS NULL THEN 'waiting' ELSE 'complete' END)
          AND ($4::boolean IS NULL OR $4 = (l.lifted_at IS NULL))
          AND ($5 = '' OR l.number < nullif($5, '')::bigint)
        ORDER BY l.number DESC LIMIT $6`,
      [issuer ?? null, subject ?? null, status ?? null, barred ?? null, page.before, page.limit],
    );
  }

  /** Of those whom a process left unfinished: it is over by now, or it is dead. */
  async unfinished(): Promise<Leaver[]> {
    return this.database.query<Row>(
      `SELECT ${columns} FROM leaver l
        WHERE l.settled_at IS NULL AND l.ended_at IS NULL AND l.ordered_at < now() - interval '10 seconds'
        ORDER BY l.ordered_at LIMIT 20`,
    );
  }

  async settleable(): Promise<string[]> {
    const rows = await this.database.query<{ id: string }>(
      `SELECT l.id FROM leaver l
        WHERE l.settled_at IS NULL AND l.ended_at IS NOT NULL AND ${hasAnswers} LIMIT 50`,
    );
    return rows.map(({ id }) => id);
  }

  connections(id: string, tx?: Transaction): Promise<EndedConnection[]> {
    return this.#in(tx)<EndedConnection & Record<string, unknown>>(
      `SELECT grant_id AS "grantId", oauth_client AS "oauthClient", upstream, upstream_subject AS "upstreamSubject",
              upstream_account AS "upstreamAccount", scopes, status_before AS "statusBefore",
              connected_at AS "connectedAt", last_used_at AS "lastUsedAt", ended_at AS "endedAt",
              access_token_until AS "accessTokenUntil", owed, unreadable, left_alone AS "leftAlone"
         FROM leaver_connection WHERE leaver_id = $1 ORDER BY connected_at, grant_id`,
      [id],
    );
  }

  /** What providers were told from the order on, or were still to be told then. */
  revocations(
    { issuerId, subject, orderedAt }: Leaver,
    tx?: Transaction,
  ): Promise<TokenRevocation[]> {
    return this.#in(tx)<TokenRevocation & Record<string, unknown>>(
      `SELECT r.grant_id AS "grantId", o.slug AS "oauthClient", r.token_kind AS token, r.state, r.attempts,
              r.created_at AS "createdAt", r.last_attempt_at AS "lastAttemptAt",
              CASE WHEN r.lease_id IS NULL OR r.attempts > 0 THEN r.next_attempt_at END AS "nextAttemptAt",
              r.ended_at AS "endedAt", r.valid_until AS "validUntil"
         FROM provider_revocation r LEFT JOIN registry_resource o ON o.id = r.oauth_client_id
        WHERE r.issuer_id = $1 AND r.subject = $2 AND (r.ended_at IS NULL OR r.ended_at >= $3)
        ORDER BY r.created_at, r.id`,
      [issuerId, subject, orderedAt],
    );
  }

  #in(tx: Transaction | undefined): Query {
    return tx === undefined ? this.database.query : queryOf(tx);
  }

  /** Whether each provider has been asked once, however it answered. */
  async isAsked({ issuerId, subject }: Leaver): Promise<boolean> {
    const rows = await this.database.query(
      `SELECT id FROM provider_revocation
        WHERE issuer_id = $1 AND subject = $2 AND state = 'pending' AND attempts = 0 LIMIT 1`,
      [issuerId, subject],
    );
    return rows.length === 0;
  }
}
