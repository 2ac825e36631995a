import { admit } from '../bars/postgres-bar.js';
import type { Transaction } from '../database/database.js';
import { queryOf } from '../database/postgres-database.js';
import type { PostgresDatabase, Query } from '../database/postgres-database.js';
import { statusesBefore, statusNow } from './domain/interaction.js';
import type { InteractionStatus, InteractionStep } from './domain/interaction.js';
import type { InteractionPurpose, InteractionRequest, InteractionView } from './interactions.js';

/** What is remembered of how it went: shown on reload, told to the log by code only. */
export interface InteractionOutcome {
  /** Why the provider gave nothing, and the request that learned it. */
  readonly refused?: { readonly cause: RefusalCause; readonly requestId: string };
  /** Name of the upstream account that is connected now. */
  readonly account?: string;
}

export type RefusalCause =
  | 'access_denied'
  | 'temporarily_unavailable'
  | 'misconfigured'
  | 'invalid_grant'
  | 'other';

export interface Interaction extends InteractionView {
  readonly outcome: InteractionOutcome;
  /** The version that the person has allowed while the token is still to come. */
  readonly allowedVersion: number | undefined;
}

export const interactionSeconds = 600;
const maxLinks = 8;

interface Row {
  id: string;
  issuer_id: string;
  subject: string;
  application: string;
  consumer: string;
  upstream_id: string;
  purpose: InteractionPurpose;
  scopes: string[];
  client_name: string | null;
  return_uri: string | null;
  status: InteractionStatus;
  version: string;
  allowed_version: string | null;
  outcome: InteractionOutcome | null;
  expires_in: number;
}

const columns = `id, issuer_id, subject, application, consumer, upstream_id, purpose, scopes, client_name, return_uri, status,
  version, allowed_version, outcome, extract(epoch FROM i.expires_at - now())::float8 AS expires_in`;

/** Interactions and the links that open them. Time is the database's. */
export class PostgresInteractionStore {
  constructor(private readonly database: PostgresDatabase) {}

  async byId(id: string): Promise<Interaction | undefined> {
    return first(this.database.query, `SELECT ${columns} FROM interaction i WHERE id = $1`, [id]);
  }

  /** The interaction that a link opens; a link that is too old opens it as expired. */
  async byLink(hash: Buffer): Promise<Interaction | undefined> {
    const rows = await this.database.query<Row & { link_expired: boolean }>(
      `SELECT ${columns}, (SELECT l.expires_at <= now() FROM interaction_link l WHERE l.hash = $1) AS link_expired
         FROM interaction i WHERE id = (SELECT interaction_id FROM interaction_link WHERE hash = $1)`,
      [hash],
    );
    const [row] = rows;
    return row && interactionOf(row.link_expired ? { ...row, expires_in: 0 } : row);
  }

  /** Locks the row until the transaction ends. */
  async lock(tx: Transaction, id: string): Promise<Interaction | undefined> {
    return first(queryOf(tx), `SELECT ${columns} FROM interaction i WHERE id = $1 FOR UPDATE`, [
      id,
    ]);
  }

  /** The one open interaction of this key, locked: the one there was (even if too old), or a new one. Throws PersonLeft. */
  async openOne(
    tx: Transaction,
    request: InteractionRequest,
  ): Promise<{ readonly interaction: Interaction; readonly isNew: boolean }> {
    await admit(tx, request);
    const [row] = await queryOf(tx)<Row & { is_new: boolean }>(
      `INSERT INTO interaction AS i
         (issuer_id, subject, application, consumer, upstream_id, purpose, scopes, client_name, return_uri, status,
          expires_at)
       VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, 'pending', now() + make_interval(secs => $10))
       ON CONFLICT (issuer_id, subject, application, consumer, upstream_id) WHERE status IN ('pending', 'confirming')
         DO UPDATE SET version = i.version
       RETURNING ${columns}, (xmax = 0) AS is_new`,
      [
        request.issuerId,
        request.subject,
        request.application,
        request.consumer,
        request.upstreamId,
        request.purpose,
        [...request.scopes],
        request.clientName ?? null,
        request.returnUri ?? null,
        interactionSeconds,
      ],
    );
    if (!row) throw new Error('INSERT … RETURNING gave no row.');
    return { interaction: interactionOf(row), isNew: row.is_new };
  }

  /** Asked again: lives on, with what is asked now. `grown` makes pages shown before it out of date. */
  async askAgain(
    tx: Transaction,
    id: string,
    asked: Pick<InteractionRequest, 'purpose' | 'scopes' | 'clientName' | 'returnUri'> & {
      grown: boolean;
    },
  ): Promise<void> {
    await queryOf(tx)(
      `UPDATE interaction SET purpose = $2, scopes = $3, client_name = coalesce($4, client_name),
              version = version + CASE WHEN $5 THEN 1 ELSE 0 END,
              status = CASE WHEN $5 THEN 'pending' ELSE status END,
              expires_at = now() + make_interval(secs => $6), return_uri = coalesce($7, return_uri)
        WHERE id = $1`,
      [
        id,
        asked.purpose,
        [...asked.scopes],
        asked.clientName ?? null,
        asked.grown,
        interactionSeconds,
        asked.returnUri ?? null,
      ],
    );
    if (asked.grown)
      await queryOf(tx)(
        // Nobody sees them any more; they end at their provider.
        'UPDATE unconfirmed_account SET expires_at = now() WHERE interaction_id = $1',
        [id],
      );
  }

  /** Stores a link by its hash; beyond eight the oldest stops opening. */
  async addLink(tx: Transaction, interactionId: string, hash: Buffer): Promise<void> {
    const query = queryOf(tx);
    await query(
      `INSERT INTO interaction_link (hash, interaction_id, created_at, expires_at)
       VALUES ($1, $2, clock_timestamp(), now() + make_interval(secs => $3))`,
      [hash, interactionId, interactionSeconds],
    );
    await query(
      `DELETE FROM interaction_link WHERE hash IN (
         SELECT hash FROM interaction_link WHERE interaction_id = $1 ORDER BY created_at DESC OFFSET $2)`,
      [interactionId, maxLinks],
    );
  }

  /** Takes a step if the status allows it; false if it does not. Ending steps set the end. */
  async step(
    tx: Transaction,
    id: string,
    step: InteractionStep,
    to: { status: InteractionStatus; outcome?: InteractionOutcome },
  ): Promise<boolean> {
    const rows = await queryOf(tx)(
      `UPDATE interaction SET status = $2, outcome = coalesce($3, outcome),
              ended_at = CASE WHEN $2 IN ('pending', 'confirming') THEN NULL ELSE now() END
        WHERE id = $1 AND status = ANY($4) RETURNING id`,
      [id, to.status, to.outcome ? JSON.stringify(to.outcome) : null, statusesBefore(step)],
    );
    return rows.length > 0;
  }

  /** Gives the person the full time for a trip that begins now. */
  async prolong(tx: Transaction, id: string): Promise<void> {
    await queryOf(tx)(
      `UPDATE interaction SET outcome = NULL, expires_at = now() + make_interval(secs => $2)
        WHERE id = $1 AND status IN ('pending', 'confirming')`,
      [id, interactionSeconds],
    );
  }

  /** The person allows what the row asks now; it stays pending, with the full time for what is to come. */
  async noteAllowed(tx: Transaction, id: string): Promise<void> {
    await queryOf(tx)(
      `UPDATE interaction SET allowed_version = version, expires_at = now() + make_interval(secs => $2)
        WHERE id = $1 AND status = 'pending'`,
      [id, interactionSeconds],
    );
  }

  async noteRefusal(
    id: string,
    refused: NonNullable<InteractionOutcome['refused']>,
  ): Promise<void> {
    await this.database.query(
      `UPDATE interaction SET outcome = $2 WHERE id = $1 AND status IN ('pending', 'confirming')`,
      [id, JSON.stringify({ refused })],
    );
  }

  /** Ends what nobody finished in time; other replicas take other rows. */
  async expire(tx: Transaction, limit: number): Promise<Interaction[]> {
    const rows = await queryOf(tx)<Row>(
      `UPDATE interaction i SET status = 'expired', ended_at = now() WHERE id IN (
         SELECT id FROM interaction WHERE status IN ('pending', 'confirming') AND expires_at <= now()
         LIMIT $1 FOR UPDATE SKIP LOCKED)
       RETURNING ${columns}`,
      [limit],
    );
    return rows.map(interactionOf);
  }

  /** Ends all that is open of a person, and their trips: a code that comes back is not redeemed. */
  async endOf(
    tx: Transaction,
    person: { issuerId: string; subject: string },
  ): Promise<Interaction[]> {
    const query = queryOf(tx);
    const rows = await query<Row>(
      `UPDATE interaction i SET status = 'declined', ended_at = now()
        WHERE issuer_id = $1 AND subject = $2 AND status IN ('pending', 'confirming') RETURNING ${columns}`,
      [person.issuerId, person.subject],
    );
    const ids = rows.map(({ id }) => id);
    await query('DELETE FROM upstream_authorization WHERE interaction_id = ANY ($1)', [ids]);
    // Nobody confirms them any more; they end at their provider.
    await query(
      'UPDATE unconfirmed_account SET expires_at = now() WHERE interaction_id = ANY ($1)',
      [ids],
    );
    return rows.map(interactionOf);
  }

  /** Forgets trips that are over, and old interactions with their links. */
  async forget(): Promise<void> {
    await this.database.query(
      `DELETE FROM upstream_authorization WHERE expires_at <= now() - interval '1 day'`,
    );
    await this.database.query(
      `DELETE FROM interaction WHERE ended_at <= now() - interval '30 days'`,
    );
  }
}

async function first(
  query: Query,
  sql: string,
  parameters: unknown[],
): Promise<Interaction | undefined> {
  const [row] = await query<Row>(sql, parameters);
  return row && interactionOf(row);
}

function interactionOf(row: Row): Interaction {
  return {
    id: row.id,
    issuerId: row.issuer_id,
    subject: row.subject,
    application: row.application,
    consumer: row.consumer,
    upstreamId: row.upstream_id,
    purpose: row.purpose,
    scopes: row.scopes,
    clientName: row.client_name ?? undefined,
    returnUri: row.return_uri ?? undefined,
    status: statusNow(row.status, row.expires_in),
    version: Number(row.version),
    allowedVersion: row.allowed_version === null ? undefined : Number(row.allowed_version),
    outcome: row.outcome ?? {},
    expiresInSeconds: Math.max(0, Math.ceil(row.expires_in)),
  };
}
