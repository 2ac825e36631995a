import { randomBytes } from 'node:crypto';
import { openMessage, SealBroken, sealMessage, type MessageKey } from '#lib/sealing/message';
import { type KeyEncryptionKey, KeyUnavailable, type WrappedKey } from './key-encryption-key.js';
import type { StoredSealingKey } from './sealing-key-store.js';

const canaryText = Buffer.from('symbolon canary');

/** A new data key, wrapped by `kek`. Rejects with KeyUnavailable. */
export async function makeDataKey(
  kek: KeyEncryptionKey,
  status: StoredSealingKey['status'],
): Promise<StoredSealingKey> {
  const key: MessageKey = { id: randomBytes(16), key: randomBytes(32) };
  const canary = sealMessage(key, canaryPlace(key.id), canaryText);
  return { id: key.id, kekId: kek.id, canary, status, ...(await wrapAndProve(kek, key)) };
}

/** A data key wrapped by `kek`, and seen to be unwrapped again: what cannot be is not stored. */
export async function wrapAndProve(kek: KeyEncryptionKey, key: MessageKey): Promise<WrappedKey> {
  const wrapped = await kek.wrap(key);
  const again = await kek.unwrap(key.id, wrapped);
  if (!again.key.equals(key.key)) throw new KeyUnavailable(kek.provider, 'damaged');
  return wrapped;
}

/** The data key of a row, or in words why there is none. */
export async function unwrapDataKey(
  row: StoredSealingKey,
  keks: readonly KeyEncryptionKey[],
): Promise<MessageKey | string> {
  const name = `Data key ${shortId(row.id.toString('hex'))}`;
  const kek = keks.find((candidate) => candidate.id === row.kekId);
  const notHeld = `${name} was wrapped by key-encryption key ${shortId(row.kekId)}, which SYMBOLON_KEYRING does not hold.`;
  if (!kek) return notHeld;
  try {
    const key = await kek.unwrap(row.id, row);
    const canary = openMessage(key, canaryPlace(row.id), row.canary);
    return canary.equals(canaryText) ? key : notHeld;
  } catch (error) {
    if (error instanceof KeyUnavailable) return `${name} cannot be unwrapped: ${error.message}`;
    if (error instanceof SealBroken) return notHeld;
    throw error;
  }
}

/** Enough of an id for people to tell keys apart. */
export function shortId(id: string): string {
  return /^[0-9a-f]+$/.test(id) ? id.slice(0, 8) : id;
}

function canaryPlace(id: Buffer): string[] {
  return ['sealing_key', 'canary', id.toString('hex')];
}
