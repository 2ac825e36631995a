import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { openMessage, SealBroken, sealMessage, type MessageKey } from '#lib/sealing/message';
import { type KeyEncryptionKey, KeyRingUnusable, KeyUnavailable } from './key-encryption-key.js';

type Environment = Readonly<Record<string, string | undefined>>;

const trialMark = 'trial:';

/**
 * `file:PATH` or `env:NAME`: keys of 32 bytes as base64url, one a line. Lines that begin with `trial:` were made by
 * the trial stack and are refused in production.
 */
export function localKeys(
  uri: string,
  production: boolean,
  environment: Environment,
): KeyEncryptionKey[] {
  const lines = contentOf(uri, environment)
    .split(/\r?\n/)
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('#'));
  if (lines.length === 0)
    throw new KeyRingUnusable(`${uri} holds no key. Write 32 random bytes as base64url.`);
  return lines.map((line, index) => keyOf(line, index, uri, production));
}

function contentOf(uri: string, environment: Environment): string {
  const [scheme, rest] = [uri.slice(0, uri.indexOf(':')), uri.slice(uri.indexOf(':') + 1)];
  if (scheme === 'env') {
    const value = environment[rest];
    if (!value)
      throw new KeyRingUnusable(`SYMBOLON_KEYRING names the variable ${rest}, which is not set.`);
    return value;
  }
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
    provider: 'The key file',
    wrap: async (dataKey) => ({
      wrapped: sealMessage(wrapping, place(dataKey.id), dataKey.key),
      version: '',
    }),
    unwrap: async (dataKeyId, { wrapped }) => {
      try {
        return { id: dataKeyId, key: openMessage(wrapping, place(dataKeyId), wrapped) };
      } catch (error) {
        if (error instanceof SealBroken) throw new KeyUnavailable('The key file', 'mismatch');
        throw error;
      }
    },
  };
}
