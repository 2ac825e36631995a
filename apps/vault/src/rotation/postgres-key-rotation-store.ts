import { randomUUID } from 'node:crypto';
import type { Transaction } from '../database/database.js';
import { type PostgresDatabase, queryOf } from '../database/postgres-database.js';
import type { AuditActor } from '../audit/audit-log.js';
import type { KeyRotation, RotationPhase } from './key-rotation.js';

const columns = `id, what, key_id AS "keyId", phase, waiting_for AS "waitingFor", position, pass,
  found::float8 AS found, sealed::float8 AS sealed, broken, outcome, actor,
  started_at AS "startedAt", finished_at AS "finishedAt"`;

type Row = { [member in keyof KeyRotation]: KeyRotation[member] | null };

const silent = `worked_at < clock_timestamp() - interval '3 seconds'`;

/**
 * How rotations stand, as one process sees it. Whoever works on one holds `turn` until the transaction ends, dead or
 * alive; between two steps it keeps the work for three seconds.
 */
export class PostgresKeyRotationStore {
  readonly #worker = randomUUID();

  constructor(private readonly database: PostgresDatabase) {}

  /** False while another process works on it. */
  async turn(tx: Transaction): Promise<boolean> {
    const [lock] = await queryOf(tx)<{ taken: boolean }>(
      `SELECT pg_try_advisory_xact_lock(hashtextextended('symbolon/key-rotation', 0)) AS taken`,
    );
    return lock?.taken === true;
  }

  /** `mine` while no other process is at it. */
  async running(): Promise<{ rotation: KeyRotation; mine: boolean } | undefined> {
    const [row] = await this.database.query<Row & { mine: boolean }>(
      `SELECT ${columns}, worker = $1 OR ${silent} AS mine FROM key_rotation WHERE phase <> 'finished'`,
      [this.#worker],
    );
    if (row === undefined) return undefined;
    const { mine, ...rotation } = row;
    return { rotation: rotationOf(rotation), mine };
  }

  /** Makes the work this process's, and locks it; undefined where another one is at it, or it has ended. */
  async take(tx: Transaction): Promise<KeyRotation | undefined> {
    const rows = await queryOf(tx)<Row>(
      `UPDATE key_rotation SET worker = $1, worked_at = clock_timestamp()
        WHERE phase <> 'finished' AND (worker = $1 OR ${silent}) RETURNING ${columns}`,
      [this.#worker],
    );
    return rows.map(rotationOf)[0];
  }

  async newest(): Promise<KeyRotation | undefined> {
    const rows = await this.database.query<Row>(
      `SELECT ${columns} FROM key_rotation ORDER BY started_at DESC LIMIT 1`,
    );
    return rows.map(rotationOf)[0];
  }

  /** Undefined while another one is under way. */
  async begin(
    tx: Transaction,
    rotation: Pick<KeyRotation, 'what' | 'keyId' | 'phase'> & { readonly actor: AuditActor },
  ): Promise<KeyRotation | undefined> {
    const { what, keyId, phase, actor } = rotation;
    const rows = await queryOf(tx)<Row>(
      `INSERT INTO key_rotation (what, key_id, phase, actor, worker) VALUES ($1, $2, $3, $4, $5)
       ON CONFLICT ((true)) WHERE phase <> 'finished' DO NOTHING RETURNING ${columns}`,
      [what, keyId, phase, JSON.stringify(actor), this.#worker],
    );
    return rows.map(rotationOf)[0];
  }

  async advance(tx: Transaction, id: string, phase: RotationPhase): Promise<void> {
    await queryOf(tx)(
      'UPDATE key_rotation SET phase = $2, waiting_for = NULL WHERE id = $1 AND phase <> $2',
      [id, phase],
    );
  }

  async progress(
    tx: Transaction,
    { id, position, pass, found, sealed, broken }: KeyRotation,
  ): Promise<void> {
    await queryOf(tx)(
      `UPDATE key_rotation SET position = $2, pass = $3, found = $4, sealed = $5, broken = $6, waiting_for = NULL
        WHERE id = $1`,
      [id, position === undefined ? null : JSON.stringify(position), pass, found, sealed, broken],
    );
  }

  async finish(tx: Transaction, id: string, outcome: string): Promise<void> {
    await queryOf(tx)(
      `UPDATE key_rotation SET phase = 'finished', outcome = $2, waiting_for = NULL,
              finished_at = clock_timestamp() WHERE id = $1`,
      [id, outcome],
    );
  }

  async wait(id: string, reason: string): Promise<void> {
    await this.database.query(
      `UPDATE key_rotation SET waiting_for = $2, worked_at = clock_timestamp()
        WHERE id = $1 AND phase <> 'finished' AND worker = $3`,
      [id, reason, this.#worker],
    );
  }
}

function rotationOf(row: Row): KeyRotation {
  return {
    ...(row as KeyRotation),
    waitingFor: row.waitingFor ?? undefined,
    position: row.position ?? undefined,
    outcome: row.outcome ?? undefined,
    finishedAt: row.finishedAt ?? undefined,
  };
}
