import { Problem } from '#lib/problem/problem';
import {
  keyIdOf,
  openMessage,
  SealBroken,
  sealMessage,
  type MessageKey,
} from '#lib/sealing/message';
import { Secret } from '#lib/secret/secret';
import { makeDataKey, unwrapDataKey } from './data-key.js';
import { type KeyEncryptionKey, KeyUnavailable } from './key-encryption-key.js';
import type { SealedPlace, Sealer } from './sealer.js';
import type { SealingKeyStore, StoredSealingKey } from './sealing-key-store.js';

type State =
  | { readonly sealed: true; readonly reason: string }
  | {
      readonly sealed: false;
      readonly primary: MessageKey;
      readonly byId: ReadonlyMap<string, MessageKey>;
    };

/**
 * Envelope encryption: data keys in Postgres, wrapped by a key that is not. Sealed until `unseal` succeeds; after
 * that it goes on with the keys it has unwrapped, whatever becomes of their provider.
 */
export class KeyRingSealer implements Sealer {
  #state: State = { sealed: true, reason: 'The key ring has not been opened yet.' };
  /** Why a data key that the database names is not held here, by its id. */
  #missing: ReadonlyMap<string, string> = new Map();
  #databasePrimary = '';
  #loading: Promise<void> | undefined;

  constructor(
    private readonly store: SealingKeyStore,
    private readonly keks: readonly KeyEncryptionKey[],
  ) {}

  /** Why the vault is sealed, or undefined when it is open. */
  get sealedBecause(): string | undefined {
    return this.#state.sealed ? this.#state.reason : undefined;
  }

  /** Why a data key of the database is not held here although the vault is open. */
  get problem(): string | undefined {
    return this.#missing.values().next().value;
  }

  /** Why this process should not be asked: what others store now it could not open. */
  get unready(): string | undefined {
    return this.sealedBecause ?? this.#missing.get(this.#databasePrimary);
  }

  /** Hexadecimal. */
  get primaryKey(): string | undefined {
    return this.#state.sealed ? undefined : this.#state.primary.id.toString('hex');
  }

  /** Hexadecimal ids of the data keys that are held. */
  get dataKeys(): readonly string[] {
    return this.#state.sealed ? [] : [...this.#state.byId.keys()];
  }

  /**
   * Loads every data key, making the first one on an empty database; writes nothing else. Called again it takes up
   * what has changed. A key that is held is not unwrapped again, so that this asks no provider without need.
   */
  unseal(): Promise<void> {
    return (this.#loading ??= this.#load().finally(() => (this.#loading = undefined)));
  }

  seal(place: SealedPlace, value: Secret): Buffer {
    return sealMessage(
      this.#opened().primary,
      contextOf(place),
      Buffer.from(value.reveal(), 'utf8'),
    );
  }

  async open(place: SealedPlace, sealed: Buffer): Promise<Secret> {
    const id = keyIdOf(sealed).toString('hex');
    const key = this.#opened().byId.get(id) ?? (await this.#fetch(id));
    return new Secret(openMessage(key, contextOf(place), sealed).toString('utf8'));
  }

  /** A key that another replica has made since we looked. */
  async #fetch(id: string): Promise<MessageKey> {
    // A load under way may have read before the key was there.
    await this.#loading?.catch(() => undefined);
    if (!this.#opened().byId.has(id)) await this.unseal();
    const key = this.#opened().byId.get(id);
    if (key) return key;
    const reason = this.#missing.get(id);
    if (reason === undefined) throw new SealBroken('sealed by a key that this vault does not have');
    throw new Problem('sealed', `${reason} Nothing was changed.`);
  }

  #opened(): Extract<State, { sealed: false }> {
    if (this.#state.sealed)
      throw new Problem(
        'sealed',
        `${this.#state.reason} Nothing was changed; it opens with the right key.`,
      );
    return this.#state;
  }

  async #load(): Promise<void> {
    let stored = await this.store.all();
    if (stored.length === 0) {
      const reason = await this.#addFirst();
      if (reason !== undefined) return this.#stayAsItIs(reason);
      stored = await this.store.all();
    }
    const { byId, missing } = await this.#unwrap(stored);
    this.#missing = missing;
    const [reason] = missing.values();
    // A vault that is open stays so; one that opens needs every key, or it would serve half.
    if (reason !== undefined && this.#state.sealed) return this.#stayAsItIs(reason);
    const chosen = stored.find(({ status }) => status === 'primary');
    this.#databasePrimary = chosen?.id.toString('hex') ?? '';
    const primary =
      byId.get(this.#databasePrimary) ?? (this.#state.sealed ? undefined : this.#state.primary);
    this.#state = primary
      ? { sealed: false, primary, byId }
      : { sealed: true, reason: 'The database names no primary data key.' };
  }

  #stayAsItIs(reason: string): void {
    if (this.#state.sealed) this.#state = { sealed: true, reason };
  }

  /** In words why none could be made. */
  async #addFirst(): Promise<string | undefined> {
    const [kek] = this.keks;
    if (!kek) return 'No key-encryption key is configured.';
    try {
      await this.store.addFirst(await makeDataKey(kek, 'primary'));
      return undefined;
    } catch (error) {
      if (error instanceof KeyUnavailable)
        return `The first data key cannot be wrapped: ${error.message}`;
      throw error;
    }
  }

  async #unwrap(
    stored: readonly StoredSealingKey[],
  ): Promise<{ byId: Map<string, MessageKey>; missing: Map<string, string> }> {
    const held = this.#state.sealed ? new Map<string, MessageKey>() : this.#state.byId;
    const byId = new Map<string, MessageKey>();
    const missing = new Map<string, string>();
    for (const row of stored) {
      const id = row.id.toString('hex');
      const key = held.get(id) ?? (await unwrapDataKey(row, this.keks));
      if (typeof key === 'string') missing.set(id, key);
      else byId.set(id, key);
    }
    return { byId, missing };
  }
}

function contextOf(place: SealedPlace): string[] {
  return [place.table, place.column, place.issuer, place.subject, place.oauthClient, place.rowId];
}
