import { randomBytes, randomUUID } from 'node:crypto';
import { Secret } from '#lib/secret/secret';
import { type FreshDatabase, freshDatabase } from '#lib/testing/postgres-fresh-database';
import { PostgresAuditLog } from '../audit/postgres-audit-log.js';
import { type CrashPoint, noCrash } from '../database/crash-point.js';
import { PostgresDatabase } from '../database/postgres-database.js';
import { registrySecretPlace } from '../registry/postgres-registry-store.js';
import type { KeyEncryptionKey } from '../sealing/key-encryption-key.js';
import { KeyRingSealer } from '../sealing/key-ring-sealer.js';
import { PostgresSealingKeyStore } from '../sealing/postgres-sealing-key-store.js';
import { readKeyRing } from '../sealing/read-key-ring.js';
import { AdvanceRotation, type StepResult } from './advance-rotation.js';
import type { KeyRotation, RotationKind } from './key-rotation.js';
import { KeyStatus } from './key-status.js';
import { PostgresKeyAdministration } from './postgres-key-administration.js';
import { PostgresKeyRotationStore } from './postgres-key-rotation-store.js';
import { sealedColumnsInOrder } from './postgres-sealed-columns.js';
import { PostgresSealedRows } from './postgres-sealed-rows.js';
import { RequestRotation } from './request-rotation.js';
import { SealAnew } from './seal-anew.js';
import { WrapAnew } from './wrap-anew.js';

export const newKey = (): string => randomBytes(32).toString('base64url');

export const ringOf = (...lines: string[]): readonly KeyEncryptionKey[] =>
  readKeyRing('env:RING', false, { RING: lines.join('\n') });

const by = { actor: { kind: 'admin' as const, subject: 'root' }, requestId: 'request' };

/** One vault process as far as keys go; it learns of keys only when told to `look`. */
export class RotatingProcess {
  readonly #id = randomUUID();
  readonly sealer: KeyRingSealer;
  readonly rotation: AdvanceRotation;
  readonly requests: RequestRotation;
  readonly status: KeyStatus;
  readonly #processes: PostgresSealingKeyStore;

  constructor(
    database: PostgresDatabase,
    private readonly name: string,
    private readonly keks: readonly KeyEncryptionKey[],
    crashPoint: CrashPoint,
  ) {
    const store = new PostgresKeyRotationStore(database);
    const keys = new PostgresKeyAdministration(database);
    const audit = new PostgresAuditLog();
    this.#processes = new PostgresSealingKeyStore(database);
    const sealer = new KeyRingSealer(this.#processes, keks);
    this.sealer = sealer;
    this.rotation = new AdvanceRotation({
      ...{ database, store, keys, sealer, audit, crashPoint },
      sealing: new SealAnew(sealedColumnsInOrder, new PostgresSealedRows(), sealer),
      wrapping: new WrapAnew(keks, keys, database),
    });
    const unsealing = { look: () => this.look() };
    this.requests = new RequestRotation({ database, store, keys, keks, unsealing, audit });
    this.status = new KeyStatus(keks, keys, store);
  }

  async look(): Promise<void> {
    await this.sealer.unseal();
    const { primaryKey, dataKeys } = this.sealer;
    const problem = this.sealer.sealedBecause ?? this.sealer.problem;
    const keks = this.keks.map(({ id }) => id);
    await this.#processes.report({
      ...{ id: this.#id, name: this.name, primaryKey, dataKeys, keks, problem },
    });
  }

  rotate(what: RotationKind = 'data-key'): Promise<KeyRotation> {
    return this.requests.rotate(what, by);
  }

  retire(keyId: string): Promise<KeyRotation | undefined> {
    return this.requests.retire(keyId, by);
  }

  /**
   * Steps until there is nothing more to do, or it waits although it and the others have looked, as their timers
   * would make them.
   */
  async run(others: readonly RotatingProcess[] = []): Promise<StepResult> {
    let before: StepResult = 'more';
    for (;;) {
      const result = await this.rotation.step();
      for (const process of [this, ...others]) await process.look();
      const waitsAgain = result === 'waiting' && (before === 'waiting' || others.length === 0);
      if (waitsAgain || result === 'idle' || result === 'elsewhere') return result;
      before = result;
    }
  }
}

/** A database and processes on it. */
export class RotationFixture {
  readonly kek = newKey();

  private constructor(
    readonly fresh: FreshDatabase,
    readonly database: PostgresDatabase,
  ) {}

  static async start(): Promise<RotationFixture> {
    const fresh = await freshDatabase();
    const database = new PostgresDatabase({
      url: fresh.vaultUrl,
      purpose: 'test',
      maxConnections: 6,
    });
    return new RotationFixture(fresh, database);
  }

  async process(
    name: string,
    options: { keks?: readonly KeyEncryptionKey[]; crashPoint?: CrashPoint } = {},
  ): Promise<RotatingProcess> {
    const { keks = ringOf(this.kek), crashPoint = noCrash } = options;
    const process = new RotatingProcess(this.database, name, keks, crashPoint);
    await process.look();
    return process;
  }

  /** As many registry secrets as asked for, sealed by the process: rows to rotate. */
  async secrets(process: RotatingProcess, count: number): Promise<string> {
    const id = await this.resource('oauth-clients', `many-${randomUUID()}`);
    for (let index = 0; index < count; index += 1) {
      const name = `n${String(index).padStart(4, '0')}`;
      const sealed = process.sealer.seal(registrySecretPlace(id, name, 0), new Secret(name));
      await this.database.query(
        'INSERT INTO registry_secret (resource_id, name, slot, sealed) VALUES ($1, $2, 0, $3)',
        [id, name, sealed],
      );
    }
    return id;
  }

  /** As if the process had been killed a minute ago. */
  async gone(name: string): Promise<void> {
    await this.database.query('DELETE FROM sealing_process WHERE name = $1', [name]);
    await this.database.query(
      `UPDATE key_rotation SET worked_at = worked_at - interval '1 minute'`,
    );
  }

  async resource(collection: string, slug: string, document: object = {}): Promise<string> {
    const [row] = await this.database.query<{ id: string }>(
      'INSERT INTO registry_resource (collection, slug, document) VALUES ($1, $2, $3) RETURNING id',
      [collection, slug, JSON.stringify({ slug, ...document })],
    );
    return row?.id ?? '';
  }

  /** How many values stand under each data key, of all columns. */
  async under(): Promise<Record<string, number>> {
    const counts: Record<string, number> = {};
    for (const { name } of sealedColumnsInOrder) {
      const [table = '', column = ''] = name.split('.');
      const message = column === 'return_to' ? `decode(return_to->>'sealed', 'base64')` : column;
      const rows = await this.database.query<{ key: string; n: number }>(
        `SELECT encode(substring(${message} FROM 3 FOR 16), 'hex') AS key, count(*)::int AS n
           FROM ${table} WHERE ${message} IS NOT NULL GROUP BY 1`,
      );
      for (const { key, n } of rows) counts[key] = (counts[key] ?? 0) + n;
    }
    return counts;
  }

  async stop(): Promise<void> {
    await this.database.close();
    await this.fresh.drop();
  }
}
