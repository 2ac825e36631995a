import { calculateJwkThumbprint, createLocalJWKSet, errors } from 'jose';
import type { CryptoKey, JSONWebKeySet, JWK } from 'jose';
import { parseStrictJson } from './strict-json.js';

export interface KeyHeader {
  readonly alg: string;
  readonly kid?: string;
}

export type KeyAnswer =
  | { readonly key: CryptoKey }
  | { readonly missing: 'unknown-key' | 'ambiguous-key' | 'unusable-key' };

const maxKeys = 200;
const minModulusBits = 2048;

/** The signature keys of one published JWKS. */
export class IssuerKeys {
  readonly #find: ReturnType<typeof createLocalJWKSet>;

  private constructor(
    private readonly jwks: JSONWebKeySet,
    /** Equal for equal sets. */
    readonly fingerprint: string,
  ) {
    this.#find = createLocalJWKSet(jwks);
  }

  /** Undefined unless the document holds at least one public signature key. */
  static parse(body: Uint8Array): IssuerKeys | undefined {
    try {
      const document = parseStrictJson(new TextDecoder('utf-8', { fatal: true }).decode(body));
      const keys = listOf(document).filter(isSignatureKey).slice(0, maxKeys);
      return keys.length === 0 ? undefined : new IssuerKeys({ keys }, JSON.stringify(keys));
    } catch {
      return undefined;
    }
  }

  /** One name for each key: its kid, and its RFC 7638 thumbprint. */
  names(): Promise<string[]> {
    return Promise.all(
      this.jwks.keys.map(async (key) => `${key.kid ?? ''} ${await calculateJwkThumbprint(key)}`),
    );
  }

  async find(header: KeyHeader): Promise<KeyAnswer> {
    try {
      const key = await this.#find({ alg: header.alg, kid: header.kid });
      return isLongEnough(key) ? { key } : { missing: 'unusable-key' };
    } catch (error) {
      if (error instanceof errors.JWKSNoMatchingKey) return { missing: 'unknown-key' };
      return {
        missing:
          error instanceof errors.JWKSMultipleMatchingKeys ? 'ambiguous-key' : 'unusable-key',
      };
    }
  }
}

function listOf(document: unknown): unknown[] {
  const keys =
    typeof document === 'object' && document !== null && 'keys' in document
      ? document.keys
      : undefined;
  return Array.isArray(keys) ? keys : [];
}

// Symmetric and private keys have no place in a public document; one that leaks them is not used.
function isSignatureKey(key: unknown): key is JWK {
  if (typeof key !== 'object' || key === null) return false;
  const { kty, use, d, k } = key as JWK;
  const isPublic =
    (kty === 'RSA' || kty === 'EC' || kty === 'OKP') && d === undefined && k === undefined;
  return isPublic && (use === undefined || use === 'sig');
}

function isLongEnough(key: CryptoKey): boolean {
  const { algorithm } = key;
  return !('modulusLength' in algorithm) || Number(algorithm.modulusLength) >= minModulusBits;
}
