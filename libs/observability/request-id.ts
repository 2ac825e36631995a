import { randomBytes } from 'node:crypto';

// Crockford's base 32: no I, L, O, U, so that it survives being read out.
const alphabet = '0123456789abcdefghjkmnpqrstvwxyz';

function base32(value: number, length: number): string {
  let rest = value;
  let text = '';
  for (let i = 0; i < length; i += 1) {
    text = alphabet.charAt(rest % 32) + text;
    rest = Math.floor(rest / 32);
  }
  return text;
}

/**
 * A request id of our own making: `req_`, 10 characters of time, 16 of chance (80 bits), so ids sort by
 * time as ULIDs do. What a caller sends as its id is never taken over: it would let a caller write into,
 * or collide within, our logs.
 */
export function createRequestId(nowMs: number = Date.now()): string {
  const chance = Array.from(randomBytes(16), (byte) => alphabet.charAt(byte % 32)).join('');
  return `req_${base32(nowMs, 10)}${chance}`;
}
