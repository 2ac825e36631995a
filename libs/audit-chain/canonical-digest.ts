import { createHash } from 'node:crypto';
import canonicalizeModule from 'canonicalize';

// Its types describe a default export where the module is the function.
const canonicalize = canonicalizeModule as unknown as (input: unknown) => string | undefined;

/** SHA-256 (lower-case hex) of a JSON value as RFC 8785 writes it: the same for equal values, whoever computes it. */
export function canonicalDigest(value: unknown): string {
  const text = canonicalize(value);
  if (text === undefined) throw new TypeError('Only what JSON can say has a digest.');
  return createHash('sha256').update(text).digest('hex');
}
