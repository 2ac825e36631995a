import { createHash } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { calculateJwkThumbprint, EmbeddedJWK, jwtVerify } from 'jose';

const freshSeconds = 60;

/** A resource server's check of tokens that are bound to a key (RFC 9449 §4.3 and §7.1). */
export class ProofCheck {
  /** When set, proofs must bear it. */
  nonce: string | undefined;
  readonly #seen = new Set<string>();

  /** `thumbprintOf`: the key that a token is bound to; undefined for a token that is not good. */
  constructor(
    private readonly origin: string,
    private readonly thumbprintOf: (
      token: string,
    ) => string | undefined | Promise<string | undefined>,
  ) {}

  /** The challenge to answer 401 with; undefined where the request is good. */
  async challenge(request: IncomingMessage): Promise<string | undefined> {
    const [scheme, token = ''] = request.headers.authorization?.split(' ') ?? [];
    if (scheme !== 'DPoP') return 'DPoP error="invalid_token", algs="ES256"';
    const thumbprint = await this.thumbprintOf(token);
    if (thumbprint === undefined) return 'DPoP error="invalid_token", algs="ES256"';
    const fault = await this.#faultOf(request, token, thumbprint).catch(() => 'invalid_dpop_proof');
    return fault && `DPoP error="${fault}", algs="ES256"`;
  }

  async #faultOf(request: IncomingMessage, token: string, thumbprint: string) {
    const { payload, protectedHeader } = await jwtVerify(
      String(request.headers['dpop']),
      EmbeddedJWK,
      { algorithms: ['ES256'], typ: 'dpop+jwt', maxTokenAge: freshSeconds },
    );
    const { htm, htu, ath, jti = '', nonce } = payload;
    const path = new URL(request.url ?? '', this.origin).pathname;
    const { jwk } = protectedHeader;
    const isGood =
      htm === request.method &&
      htu === this.origin + path &&
      ath === createHash('sha256').update(token).digest('base64url') &&
      jwk !== undefined &&
      !('d' in jwk) &&
      (await calculateJwkThumbprint(jwk)) === thumbprint &&
      jti.length >= 16 &&
      !this.#seen.has(jti);
    if (this.#seen.size >= 10_000) this.#seen.clear();
    this.#seen.add(jti);
    if (!isGood) return 'invalid_dpop_proof';
    return this.nonce === undefined || nonce === this.nonce ? undefined : 'use_dpop_nonce';
  }
}
