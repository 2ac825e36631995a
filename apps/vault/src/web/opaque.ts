import { createHash, randomBytes } from 'node:crypto';
import { Secret } from '#lib/secret/secret';

/** 256 bits of chance as 43 characters of base64url: links, session ids, states. Stored by `hashOf` only. */
export function mintOpaque(): Secret {
  return new Secret(randomBytes(32).toString('base64url'));
}

/** Whether a text can be one that `mintOpaque` made. */
export function isOpaque(text: string): boolean {
  return /^[A-Za-z0-9_-]{43}$/.test(text);
}

/** SHA-256: enough for 256 random bits, and quick to look up. */
export function hashOf(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
