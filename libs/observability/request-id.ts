import { randomFillSync } from 'node:crypto';

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

const chanceLength = 16;
// Asking the system for chance costs more than all the rest: it is asked once for 256 ids.
const pool = new Uint8Array(chanceLength * 256);
let used = pool.length;
let lastMs = { value: -1, text: '' };

function chance(): string {
  if (used === pool.length) {
    randomFillSync(pool);
    used = 0;
  }
  let text = '';
  for (const end = used + chanceLength; used < end; used += 1)
    text += alphabet.charAt((pool[used] ?? 0) % 32);
  return text;
}

/**
 * A request id of our own making: `req_`, 10 characters of time, 16 of chance (80 bits), so ids sort by
 * time as ULIDs do. What a caller sends as its id is never taken over: it would let a caller write into,
 * or collide within, our logs.
 */
export function createRequestId(nowMs: number = Date.now()): string {
  if (nowMs !== lastMs.value) lastMs = { value: nowMs, text: base32(nowMs, 10) };
  return `req_${lastMs.text}${chance()}`;
}
