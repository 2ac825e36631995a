import type { Database } from '../database/database.js';
import { shortId, unwrapDataKey, wrapAndProve } from '../sealing/data-key.js';
import type { KeyEncryptionKey } from '../sealing/key-encryption-key.js';
import { KeyUnavailable } from '../sealing/key-encryption-key.js';
import type { StoredSealingKey } from '../sealing/sealing-key-store.js';
import type { KeyRotation } from './key-rotation.js';
import type { PostgresKeyAdministration } from './postgres-key-administration.js';

/** Wraps data keys by another key-encryption key, one at a time; no transaction waits for a provider. */
export class WrapAnew {
  constructor(
    private readonly keks: readonly KeyEncryptionKey[],
    private readonly keys: PostgresKeyAdministration,
    private readonly database: Database,
  ) {}

  /** `done` when nothing is left, else why it does not go on, in words; undefined while it does. */
  async step(rotation: KeyRotation): Promise<'done' | { waitingFor: string } | undefined> {
    const [row] = await this.keys.wrappedBefore(rotation.startedAt);
    if (row === undefined) return 'done';
    const kek = this.keks.find(({ id }) => id === rotation.keyId);
    const without = (await this.keys.live()).filter(({ keks }) => !keks.includes(rotation.keyId));
    const names = without.map(({ name }) => name);
    if (kek === undefined || names.length > 0)
      return {
        waitingFor: `SYMBOLON_KEYRING of ${names.join(', ') || 'a process'} does not hold the new key.`,
      };
    return this.#wrap(row, kek);
  }

  async #wrap(
    row: StoredSealingKey,
    kek: KeyEncryptionKey,
  ): Promise<{ waitingFor: string } | undefined> {
    try {
      const key = await unwrapDataKey(row, this.keks);
      if (typeof key === 'string') return { waitingFor: key };
      const wrapped = { kekId: kek.id, ...(await wrapAndProve(kek, key)) };
      await this.database.transaction((tx) => this.keys.rewrap(tx, row, wrapped));
      return undefined;
    } catch (error) {
      if (!(error instanceof KeyUnavailable)) throw error;
      const name = shortId(row.id.toString('hex'));
      return { waitingFor: `Data key ${name} cannot be wrapped: ${error.message}` };
    }
  }
}
