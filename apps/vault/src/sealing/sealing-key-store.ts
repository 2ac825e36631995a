export interface StoredSealingKey {
  readonly id: Buffer;
  readonly kekId: string;
  readonly wrapped: Buffer;
  /** A known plaintext sealed by the key: proves at boot that it opens what it sealed. */
  readonly canary: Buffer;
  readonly status: 'primary' | 'readable';
}

export interface SealingKeyStore {
  all(): Promise<readonly StoredSealingKey[]>;
  /** Adds the first key; does nothing when another replica was faster. */
  addFirst(key: StoredSealingKey): Promise<void>;
}
