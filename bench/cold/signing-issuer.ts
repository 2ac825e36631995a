import {
  createPublicKey,
  generateKeyPair as makeKeyPair,
  type KeyObject,
  randomUUID,
  sign,
} from 'node:crypto';
import { promisify } from 'node:util';
import type { IssuerConfig } from '#lib/contract/config-snapshot';
import { type LocalServer, sendJson, startLocalServer } from '#lib/testing/local-server';

export type Algorithm = 'RS256' | 'ES256';

interface Key {
  readonly kid: string;
  readonly privateKey: KeyObject;
  readonly publicJwk: Readonly<Record<string, unknown>>;
}

const generateKeyPair = promisify(makeKeyPair);

/** A corporate issuer that signs callers' tokens fast enough for a hundred thousand people, and publishes its keys. */
export class SigningIssuer {
  /** How often the keys were read. */
  reads = 0;
  /** The one that signs comes first. */
  #keys: readonly Key[];
  #server!: LocalServer;

  private constructor(
    readonly algorithm: Algorithm,
    key: Key,
  ) {
    this.#keys = [key];
  }

  static async start(algorithm: Algorithm): Promise<SigningIssuer> {
    const issuer = new SigningIssuer(algorithm, await keyOf(algorithm));
    issuer.#server = await startLocalServer((_request, response) => {
      issuer.reads += 1;
      sendJson(response, 200, { keys: issuer.#keys.map(({ publicJwk }) => publicJwk) });
    });
    return issuer;
  }

  get config(): IssuerConfig {
    return {
      ...{ slug: 'corporate', issuer: this.#server.origin, jwksUri: `${this.#server.origin}/jwks` },
      ...{ algorithms: [this.algorithm], tokenTypes: ['at+jwt'], subjectClaim: 'sub' },
      ...{ alsoIssuedAs: [], audiences: [], baseScopes: [], unknownApplications: 'ask' },
    };
  }

  /** Of the key that signs. */
  get publicKeyPem(): string {
    const jwk = this.#keys[0]?.publicJwk ?? {};
    return createPublicKey({ key: jwk, format: 'jwk' })
      .export({ type: 'spki', format: 'pem' })
      .toString();
  }

  /** From now on signs with a new key; the one before it stays published. */
  async rotate(): Promise<void> {
    const [before] = this.#keys;
    this.#keys = [await keyOf(this.algorithm), ...(before === undefined ? [] : [before])];
  }

  /** An access token (RFC 9068) with about the claims that a company's directory sends. */
  token(person: string, audience: string): string {
    const [key] = this.#keys;
    if (key === undefined) throw new Error('an issuer without a key');
    const now = Math.floor(Date.now() / 1000);
    const claims = {
      ...{ iss: this.#server.origin, aud: audience, sub: person, client_id: 'bench' },
      ...{ iat: now, exp: now + 3600, auth_time: now - 600, jti: randomUUID() },
      ...{ scope: 'openid profile tools', email: `${person}@example.com`, name: `The ${person}` },
      groups: ['engineering', 'on-call'],
    };
    const header = { alg: this.algorithm, kid: key.kid, typ: 'at+jwt' };
    const signed = `${encoded(header)}.${encoded(claims)}`;
    const signature = sign('sha256', Buffer.from(signed), {
      key: key.privateKey,
      dsaEncoding: 'ieee-p1363',
    });
    return `${signed}.${signature.toString('base64url')}`;
  }

  stop(): Promise<void> {
    return this.#server.stop();
  }
}

async function keyOf(algorithm: Algorithm): Promise<Key> {
  const { privateKey, publicKey } =
    algorithm === 'ES256'
      ? await generateKeyPair('ec', { namedCurve: 'P-256' })
      : await generateKeyPair('rsa', { modulusLength: 2048 });
  const kid = randomUUID();
  return {
    kid,
    privateKey,
    publicJwk: { ...publicKey.export({ format: 'jwk' }), kid, alg: algorithm, use: 'sig' },
  };
}

function encoded(part: object): string {
  return Buffer.from(JSON.stringify(part)).toString('base64url');
}
