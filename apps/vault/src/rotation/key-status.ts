import type { KeyEncryptionKey } from '../sealing/key-encryption-key.js';
import type { KeyRotation } from './key-rotation.js';
import type { ListedDataKey, PostgresKeyAdministration } from './postgres-key-administration.js';
import type { PostgresKeyRotationStore } from './postgres-key-rotation-store.js';

/** What `GET /admin/v1/keys` answers. */
export class KeyStatus {
  constructor(
    private readonly keks: readonly KeyEncryptionKey[],
    private readonly keys: PostgresKeyAdministration,
    private readonly store: PostgresKeyRotationStore,
  ) {}

  async read() {
    const [dataKeys, processes, sealedProcesses, rotation] = await Promise.all([
      this.keys.list(),
      this.keys.live(),
      this.keys.sealed(),
      this.store.newest(),
    ]);
    return {
      dataKeys: dataKeys.map((key) => ({ ...key, mayRetire: mayRetire(key, rotation) })),
      keyEncryptionKeys: this.#keyEncryptionKeys(dataKeys),
      processes,
      sealedProcesses,
      rotation: rotation === undefined ? null : presentRotation(rotation),
    };
  }

  /** Those of this process's ring and those that wrapped something, with what each is still needed for. */
  #keyEncryptionKeys(dataKeys: readonly ListedDataKey[]) {
    const ids = new Set([...this.keks.map(({ id }) => id), ...dataKeys.map(({ kekId }) => kekId)]);
    return [...ids].map((id) => {
      const wraps = dataKeys.filter(({ kekId }) => kekId === id).length;
      const place = this.keks.findIndex((kek) => kek.id === id);
      return {
        id,
        inKeyring: place >= 0,
        wrapsNew: place === 0,
        dataKeys: wraps,
        mayBeRemoved: place > 0 && wraps === 0,
      };
    });
  }
}

/** A rotation as the admin API shows it. */
export function presentRotation(rotation: KeyRotation) {
  const { id, what, keyId, phase, pass, sealed, broken, startedAt } = rotation;
  return {
    ...{ id, what, keyId, phase },
    waitingFor: rotation.waitingFor ?? null,
    column: phase === 'sealing' ? (rotation.position?.column ?? null) : null,
    ...{ pass, sealed, broken },
    outcome: rotation.outcome ?? null,
    startedAt,
    finishedAt: rotation.finishedAt ?? null,
  };
}

/** A rotation that came after the key has ended, and left nothing under it as far as it saw. */
function mayRetire(key: ListedDataKey, newest: KeyRotation | undefined): boolean {
  return (
    key.status === 'readable' && newest?.phase === 'finished' && newest.startedAt > key.createdAt
  );
}
