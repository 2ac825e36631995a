import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { openMessage, sealMessage, type MessageKey } from '#lib/sealing/message';

/** Wraps data keys. It never leaves its provider, and is never in the database. */
export interface KeyEncryptionKey {
  readonly id: string;
  wrap(dataKey: MessageKey): Buffer;
  /** Throws `SealBroken` when this is not the key that wrapped. */
  unwrap(id: Buffer, wrapped: Buffer): MessageKey;
}

/** A key ring that cannot be used; the message says what to do and holds no key. */
export class KeyRingUnusable extends Error {
  override readonly name = 'KeyRingUnusable';
}

const trialMark = 'trial:';

/**
 * Reads `SYMBOLON_KEYRING`: `file:PATH` or `env:NAME`, one base64url key of 32 bytes per line; the first
 * wraps, all unwrap. Lines that begin with `trial:` were made by the trial stack and are refused in production.
 */
export function readKeyRing(
  uri: string,
  production: boolean,
  environment: Readonly<Record<string, string | undefined>>,
): readonly KeyEncryptionKey[] {
  const lines = contentOf(uri, environment)
    .split(/\r?\n/)
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('#'));
  if (lines.length === 0)
    throw new KeyRingUnusable(`${uri} holds no key. Write 32 random bytes as base64url.`);
  return lines.map((line, index) => keyOf(line, index, uri, production));
}

function contentOf(uri: string, environment: Readonly<Record<string, string | undefined>>): string {
  const [scheme, rest] = [uri.slice(0, uri.indexOf(':')), uri.slice(uri.indexOf(':') + 1)];
  if (scheme === 'env') {
    const value = environment[rest];
    if (!value)
      throw new KeyRingUnusable(`SYMBOLON_KEYRING names the variable ${rest}, which is not set.`);
    return value;
  }
  if (scheme !== 'file')
    throw new KeyRingUnusable('SYMBOLON_KEYRING must be file:PATH or env:NAME.');
  try {
    return readFileSync(rest, 'utf8');
  } catch {
    throw new KeyRingUnusable(
      `The key file ${rest} cannot be read. Check that it exists and its owner.`,
    );
  }
}

function keyOf(line: string, index: number, uri: string, production: boolean): KeyEncryptionKey {
  const trial = line.startsWith(trialMark);
  if (trial && production)
    throw new KeyRingUnusable(
      `${uri} holds a key of the trial stack. Make a new one for production.`,
    );
  const key = Buffer.from(trial ? line.slice(trialMark.length) : line, 'base64url');
  if (key.length !== 32)
    throw new KeyRingUnusable(`Key ${index + 1} of ${uri} is not 32 bytes of base64url.`);
  return localKey(key);
}

function localKey(key: Buffer): KeyEncryptionKey {
  const id = createHash('sha256').update('symbolon/kek').update(key).digest().subarray(0, 16);
  const wrapping: MessageKey = { id, key };
  const place = (dataKeyId: Buffer): string[] => [
    'sealing_key',
    'wrapped',
    dataKeyId.toString('hex'),
  ];
  return {
    id: id.toString('hex'),
    wrap: (dataKey) => sealMessage(wrapping, place(dataKey.id), dataKey.key),
    unwrap: (dataKeyId, wrapped) => ({
      id: dataKeyId,
      key: openMessage(wrapping, place(dataKeyId), wrapped),
    }),
  };
}
