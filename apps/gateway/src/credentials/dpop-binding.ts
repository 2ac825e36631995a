import { createHash, createPrivateKey, type KeyObject, randomBytes, sign } from 'node:crypto';
import type { Clock } from '#lib/clock/clock';
import type { TokenAnswer } from '#lib/contract/exchange';
import type { ProofMemory } from './proof-memory.js';
import { ProvenRequest, type RequestTarget } from './proven-request.js';

type Given = NonNullable<TokenAnswer['dpop']>;

/** The key that a token is bound to (RFC 9449), and what is said of it in each request. The key leaves it nowhere. */
export class DpopBinding {
  readonly #key: KeyObject;
  readonly #header: string;
  readonly #tokenHash: string;
  readonly required: boolean;

  constructor(
    private readonly token: string,
    { jwk, required }: Given,
    private readonly parts: { readonly clock: Clock; readonly memory: ProofMemory },
  ) {
    this.required = required;
    this.#key = createPrivateKey({ key: jwk, format: 'jwk' });
    const { kty, crv, x, y } = jwk;
    this.#header = encoded({ typ: 'dpop+jwt', alg: 'ES256', jwk: { kty, crv, x, y } });
    this.#tokenHash = createHash('sha256').update(token).digest('base64url');
  }

  request(target: RequestTarget): ProvenRequest {
    return new ProvenRequest(this, target, this.parts.memory);
  }

  get bearer(): string {
    return `Bearer ${this.token}`;
  }

  get bound(): string {
    return `DPoP ${this.token}`;
  }

  /** RFC 9449 §4.2; `htu` is without query and fragment. */
  proof({ method, origin, path }: RequestTarget, nonce: string | undefined): string {
    const query = path.indexOf('?');
    const claims = {
      jti: randomBytes(16).toString('base64url'),
      htm: method,
      htu: origin + (query < 0 ? path : path.slice(0, query)),
      iat: Math.floor(this.parts.clock.now()),
      ath: this.#tokenHash,
      nonce,
    };
    const signed = `${this.#header}.${encoded(claims)}`;
    const key = { key: this.#key, dsaEncoding: 'ieee-p1363' } as const;
    return `${signed}.${sign('sha256', Buffer.from(signed), key).toString('base64url')}`;
  }
}

function encoded(part: object): string {
  return Buffer.from(JSON.stringify(part)).toString('base64url');
}
