import { randomBytes } from 'node:crypto';
import { Problem } from '#lib/problem/problem';
import {
  keyIdOf,
  openMessage,
  SealBroken,
  sealMessage,
  type MessageKey,
} from '#lib/sealing/message';
import { Secret } from '#lib/secret/secret';
import type { KeyEncryptionKey } from './key-encryption-key.js';
import type { SealedPlace, Sealer } from './sealer.js';
import type { SealingKeyStore, StoredSealingKey } from './sealing-key-store.js';

const canaryText = Buffer.from('symbolon canary');

type State =
  | { readonly sealed: true; readonly reason: string }
  | {
      readonly sealed: false;
      readonly primary: MessageKey;
      readonly byId: ReadonlyMap<string, MessageKey>;
    };

/** Envelope encryption: data keys in Postgres, wrapped by a key that is not. Sealed until `unseal` succeeds. */
export class KeyRingSealer implements Sealer {
  #state: State = { sealed: true, reason: 'The key ring has not been opened yet.' };

  constructor(
    private readonly store: SealingKeyStore,
    private readonly keks: readonly KeyEncryptionKey[],
  ) {}

  /** Why the vault is sealed, or undefined when it is open. */
  get sealedBecause(): string | undefined {
    return this.#state.sealed ? this.#state.reason : undefined;
  }

  /** Loads every data key, making the first one on an empty database; writes nothing else. */
  async unseal(): Promise<void> {
    let stored = await this.store.all();
    if (stored.length === 0) {
      await this.store.addFirst(this.#newKey());
      stored = await this.store.all();
    }
    this.#state = this.#open(stored);
  }

  seal(place: SealedPlace, value: Secret): Buffer {
    return sealMessage(
      this.#opened().primary,
      contextOf(place),
      Buffer.from(value.reveal(), 'utf8'),
    );
  }

  async open(place: SealedPlace, sealed: Buffer): Promise<Secret> {
    const key = this.#opened().byId.get(keyIdOf(sealed).toString('hex'));
    if (!key) throw new SealBroken('sealed by a key that this vault does not have');
    return new Secret(openMessage(key, contextOf(place), sealed).toString('utf8'));
  }

  #opened(): Extract<State, { sealed: false }> {
    if (this.#state.sealed)
      throw new Problem(
        'sealed',
        `${this.#state.reason} Nothing was changed; it opens with the right key.`,
      );
    return this.#state;
  }

  #newKey(): StoredSealingKey {
    const kek = this.keks[0];
    if (!kek) throw new Problem('sealed', 'No key-encryption key is configured.');
    const key: MessageKey = { id: randomBytes(16), key: randomBytes(32) };
    const canary = sealMessage(key, canaryPlace(key.id), canaryText);
    return { id: key.id, kekId: kek.id, wrapped: kek.wrap(key), canary, status: 'primary' };
  }

  #open(stored: readonly StoredSealingKey[]): State {
    const byId = new Map<string, MessageKey>();
    let primary: MessageKey | undefined;
    for (const row of stored) {
      const key = this.#unwrap(row);
      if (!key)
        return {
          sealed: true,
          reason: `Data key ${row.id.toString('hex').slice(0, 8)} was wrapped by key-encryption key ${row.kekId.slice(0, 8)}, which SYMBOLON_KEYRING does not hold.`,
        };
      byId.set(row.id.toString('hex'), key);
      if (row.status === 'primary') primary = key;
    }
    return primary
      ? { sealed: false, primary, byId }
      : { sealed: true, reason: 'The database names no primary data key.' };
  }

  #unwrap(row: StoredSealingKey): MessageKey | undefined {
    const kek = this.keks.find((candidate) => candidate.id === row.kekId);
    if (!kek) return undefined;
    try {
      const key = kek.unwrap(row.id, row.wrapped);
      return openMessage(key, canaryPlace(row.id), row.canary).equals(canaryText) ? key : undefined;
    } catch (error) {
      if (error instanceof SealBroken) return undefined;
      throw error;
    }
  }
}

function canaryPlace(id: Buffer): string[] {
  return ['sealing_key', 'canary', id.toString('hex')];
}

function contextOf(place: SealedPlace): string[] {
  return [place.table, place.column, place.issuer, place.subject, place.oauthClient, place.rowId];
}
