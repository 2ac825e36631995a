import { createHash } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { createRemoteJWKSet, decodeJwt, jwtVerify } from 'jose';
import type { JWTPayload } from 'jose';
import { ProofCheck } from '#lib/testing/proof-check';
import type { DemoConfig } from './demo-config.js';

/** Whom a token speaks for, here. */
export interface TokenHolder {
  readonly token: string;
  readonly payload: JWTPayload;
  readonly upn: string;
  readonly scopes: readonly string[];
  /** First 16 hex digits of the token's SHA-256: tells tokens apart without showing any. */
  readonly fingerprint: string;
}

/** Accepts access tokens of the upstream provider for this resource, and nothing else. */
export class TokenRule {
  readonly #keys;
  readonly #proofs;
  readonly #accepted = new Set<string>();
  readonly #expired = new Set<string>();
  /** While true no token is good enough. */
  refuseAll = false;

  constructor(private readonly config: DemoConfig) {
    // Asked only of tokens whose signature is good.
    this.#proofs = new ProofCheck(new URL(config.resource).origin, thumbprintIn);
    this.#keys = createRemoteJWKSet(new URL(`${config.issuer}/jwks`), { cooldownDuration: 1_000 });
  }

  /** undefined: no token, or one that is not good here. */
  async holderOf(request: IncomingMessage): Promise<TokenHolder | undefined> {
    const { authorization = '' } = request.headers;
    const token = /^(?:Bearer|DPoP) ([^\s]+)$/i.exec(authorization)?.[1];
    if (token === undefined || this.refuseAll) return undefined;
    const fingerprint = createHash('sha256').update(token).digest('hex').slice(0, 16);
    if (this.#expired.has(fingerprint)) return undefined;
    try {
      const { payload } = await jwtVerify(token, this.#keys, {
        issuer: this.config.issuer,
        audience: this.config.resource,
        typ: 'at+jwt',
        algorithms: ['RS256'],
        requiredClaims: ['exp', 'iat', 'sub'],
      });
      const { upn, scope } = payload;
      if (typeof upn !== 'string' || !(await this.#isProven(request, payload))) return undefined;
      this.#accepted.add(fingerprint);
      const scopes = typeof scope === 'string' ? scope.split(' ') : [];
      return { token, payload, upn, scopes, fingerprint };
    } catch {
      return undefined;
    }
  }

  /** RFC 9449 §7.1: a bound token needs its proof, and is no bearer token. */
  async #isProven(request: IncomingMessage, { cnf }: JWTPayload): Promise<boolean> {
    if (cnf === undefined) return /^Bearer /i.test(request.headers.authorization ?? '');
    return (await this.#proofs.challenge(request)) === undefined;
  }

  /** Every token accepted so far is over, as if its time had come. */
  expireAccepted(): number {
    for (const fingerprint of this.#accepted) this.#expired.add(fingerprint);
    return this.#expired.size;
  }

  /** RFC 9728 metadata. */
  metadata(scopes: readonly string[]): Record<string, unknown> {
    return {
      resource: this.config.resource,
      authorization_servers: [this.config.issuer],
      scopes_supported: scopes,
      bearer_methods_supported: ['header'],
      dpop_signing_alg_values_supported: ['ES256'],
    };
  }

  /** The challenge of a resource server that knows RFC 9728. */
  challenge(authorization: string | undefined): string {
    const { origin, pathname } = new URL(this.config.resource);
    const path = pathname === '/' ? '' : pathname;
    const metadata = `${origin}/.well-known/oauth-protected-resource${path}`;
    const error = authorization === undefined ? '' : ', error="invalid_token"';
    return `Bearer resource_metadata="${metadata}"${error}, DPoP algs="ES256"${error}`;
  }
}

function thumbprintIn(token: string): string | undefined {
  const { cnf } = decodeJwt<{ cnf?: { jkt?: string } }>(token);
  return cnf?.jkt;
}
