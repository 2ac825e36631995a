import type { WrappedKey } from './key-encryption-key.js';

export interface StoredSealingKey extends WrappedKey {
  readonly id: Buffer;
  readonly kekId: string;
  /** A known plaintext sealed by the key: proves at boot that it opens what it sealed. */
  readonly canary: Buffer;
  /** `retiring`: opens, but the database takes nothing more that it sealed. */
  readonly status: 'primary' | 'readable' | 'retiring';
}

/** What a process says of itself, so that a rotation waits for it. Key ids are hexadecimal. */
export interface SealingProcess {
  readonly id: string;
  readonly name: string;
  readonly primaryKey: string | undefined;
  readonly dataKeys: readonly string[];
  readonly keks: readonly string[];
  readonly problem: string | undefined;
}

export interface SealingKeyStore {
  all(): Promise<readonly StoredSealingKey[]>;
  /** Adds the first key; does nothing when another replica was faster. */
  addFirst(key: StoredSealingKey): Promise<void>;
}

export interface SealingProcessStore {
  report(process: SealingProcess): Promise<void>;
  /** The process ends in order; nobody waits for it. */
  forget(id: string): Promise<void>;
}
