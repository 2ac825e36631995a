import type { MessageKey } from '#lib/sealing/message';

/** A data key as the database holds it. */
export interface WrappedKey {
  readonly wrapped: Buffer;
  /** The version of the key-encryption key that wrapped; '' where it has none. */
  readonly version: string;
}

/** Wraps data keys. It never leaves its provider, and is never in the database. */
export interface KeyEncryptionKey {
  /** Stands beside what it wrapped: for a local key a hash, else `provider:name`. No address, no secret. */
  readonly id: string;
  readonly provider: string;
  /** The wrapped form is bound to the data key's id. Rejects with KeyUnavailable. */
  wrap(dataKey: MessageKey): Promise<WrappedKey>;
  /** Rejects with KeyUnavailable; code `mismatch` when this is not the key, or not the data key, that was wrapped. */
  unwrap(dataKeyId: Buffer, wrapped: WrappedKey): Promise<MessageKey>;
}

/** A key ring that cannot be used; the message says what to do and holds no key. */
export class KeyRingUnusable extends Error {
  override readonly name = 'KeyRingUnusable';
}

const sentences = {
  unreachable: 'cannot be reached',
  throttled: 'asks to be called less often',
  failing: 'fails on its side',
  credentials: 'does not accept the credentials of this process, or there are none',
  denied: 'denies access: give this process the permissions that docs/keys.md lists',
  disabled: 'says that the key is disabled or about to be deleted',
  absent: 'does not know the key',
  mismatch: 'says that this key did not wrap this data key',
  damaged: 'gave an answer that was damaged on its way',
} as const;

export type KeyUnavailableCode = keyof typeof sentences;

/** A key-encryption key that does not answer, or refuses. The message is public; `symbol` goes to the log. */
export class KeyUnavailable extends Error {
  override readonly name = 'KeyUnavailable';

  constructor(
    provider: string,
    readonly code: KeyUnavailableCode,
    /** The provider's own short name for the error, such as `AccessDeniedException`. */
    readonly symbol?: string,
  ) {
    super(`${provider} ${sentences[code]}.`);
  }
}

/** What a wrapped data key is bound to at every provider that takes a context. */
export function wrappingContext(dataKeyId: Buffer): string {
  return `symbolon/data-key/${dataKeyId.toString('hex')}`;
}
