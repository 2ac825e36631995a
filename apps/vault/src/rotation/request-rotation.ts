import { Problem } from '#lib/problem/problem';
import type { AuditActor, AuditLog } from '../audit/audit-log.js';
import type { Database, Transaction } from '../database/database.js';
import { makeDataKey } from '../sealing/data-key.js';
import type { KeepUnsealed } from '../sealing/keep-unsealed.js';
import { type KeyEncryptionKey, KeyUnavailable } from '../sealing/key-encryption-key.js';
import type { StoredSealingKey } from '../sealing/sealing-key-store.js';
import type { KeyRotation, RotationKind } from './key-rotation.js';
import type { PostgresKeyAdministration } from './postgres-key-administration.js';
import type { PostgresKeyRotationStore } from './postgres-key-rotation-store.js';

export interface RequestRotationParts {
  readonly database: Database;
  readonly store: PostgresKeyRotationStore;
  readonly keys: PostgresKeyAdministration;
  readonly keks: readonly KeyEncryptionKey[];
  readonly unsealing: Pick<KeepUnsealed, 'look'>;
  readonly audit: AuditLog;
}

export interface RotationRequester {
  readonly actor: AuditActor;
  readonly requestId: string;
}

/** Begins a rotation or a retirement; workers carry it out. */
export class RequestRotation {
  constructor(private readonly parts: RequestRotationParts) {}

  /** Throws Problem `conflict` while another one is under way. */
  async rotate(what: RotationKind, by: RotationRequester): Promise<KeyRotation> {
    if ((await this.parts.store.running()) !== undefined) throw underWay();
    const [kek] = this.parts.keks;
    if (kek === undefined) throw new Problem('sealed', 'No key-encryption key is configured.');
    if (what === 'key-encryption-key')
      return this.#begin({ what, keyId: kek.id, phase: 'wrapping' }, by);
    const key = await newDataKey(kek);
    const rotation = { what, keyId: key.id.toString('hex'), phase: 'announcing' } as const;
    const begun = await this.#begin(rotation, by, (tx) => this.parts.keys.add(tx, key));
    await this.parts.unsealing.look();
    return begun;
  }

  /** Undefined if there is no such key. Throws Problem `conflict` for the primary key. */
  async retire(keyId: string, by: RotationRequester): Promise<KeyRotation | undefined> {
    const key = (await this.parts.keys.list()).find(({ id }) => id === keyId);
    if (key === undefined) return undefined;
    if (key.status === 'primary')
      throw new Problem('conflict', 'This is the primary data key. Rotate the data key first.');
    return this.#begin({ what: 'retirement', keyId, phase: 'switching' }, by);
  }

  #begin(
    rotation: Pick<KeyRotation, 'what' | 'keyId' | 'phase'>,
    { actor, requestId }: RotationRequester,
    alongside: (tx: Transaction) => Promise<void> = () => Promise.resolve(),
  ): Promise<KeyRotation> {
    return this.parts.database.transaction(async (tx) => {
      const begun = await this.parts.store.begin(tx, { ...rotation, actor });
      if (begun === undefined) throw underWay();
      await alongside(tx);
      await this.parts.audit.record(tx, {
        action: 'key.rotation_requested',
        outcome: 'success',
        actor,
        target: { what: rotation.what, keyId: rotation.keyId },
        requestId,
      });
      return begun;
    });
  }
}

async function newDataKey(kek: KeyEncryptionKey): Promise<StoredSealingKey> {
  try {
    return await makeDataKey(kek, 'readable');
  } catch (error) {
    if (!(error instanceof KeyUnavailable)) throw error;
    throw new Problem(
      'temporarily-unavailable',
      `The new data key cannot be wrapped: ${error.message}`,
      { headers: { 'retry-after': '10' }, cause: error },
    );
  }
}

function underWay(): Problem {
  return new Problem('conflict', 'A rotation is under way; its status says how far it is.');
}
