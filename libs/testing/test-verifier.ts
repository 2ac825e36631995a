import { generateKeyPairSync } from 'node:crypto';
import { CompactSign, exportJWK, exportSPKI, generateKeyPair, type CryptoKey } from 'jose';
import { routeAudience } from '#lib/jwt/audience';
import { defaultAlgorithms, defaultTokenTypes, type IssuerTrust } from '#lib/jwt/issuer-trust';
import { JwksCache } from '#lib/jwt/jwks-cache';
import { TokenVerifier } from '#lib/jwt/token-verifier';
import { Outbound } from '#lib/outbound/outbound';
import { type LocalServer, sendJson, startLocalServer } from './local-server.js';
import { TestClock } from './test-clock.js';

type Json = Readonly<Record<string, unknown>>;

const algorithms = ['RS256', 'PS256', 'ES256', 'ES384', 'EdDSA'];

/** A verifier with real keys behind a real HTTP server, and the means to sign or forge whatever it must refuse. */
export class TestVerifier {
  static readonly gateway = 'https://gateway.example';
  static readonly route = routeAudience(TestVerifier.gateway, '/mcp/snow');
  /** The clock stands here, in epoch seconds. */
  static readonly now = 1_800_000_000;
  /** Claims that pass. */
  static readonly good = {
    iss: 'https://idp.example',
    sub: 'alice',
    aud: `${TestVerifier.gateway}/mcp/snow`,
    client_id: 'inspector',
    scope: 'tools read',
    iat: TestVerifier.now - 60,
    exp: TestVerifier.now + 300,
  };

  /** The published RS256 key, as an attacker would feed it to an HMAC. */
  publicPem = '';
  readonly #clock = new TestClock(TestVerifier.now);
  readonly #outbound = new Outbound({ mode: 'development', allow: [] });
  readonly #keys = new JwksCache({
    fetch: (url) => this.#outbound.request(url),
    clock: this.#clock,
  });
  readonly #signing = new Map<string, CryptoKey>();
  #server!: LocalServer;

  static async start(): Promise<TestVerifier> {
    const self = new TestVerifier();
    const keys = await Promise.all(algorithms.map((alg) => self.#publish(alg)));
    const weak = generateKeyPairSync('rsa', { modulusLength: 1024 }).publicKey;
    keys.push({ ...weak.export({ format: 'jwk' }), kid: 'weak', alg: 'RS256', use: 'sig' });
    keys.push({ kty: 'oct', k: 'c2VjcmV0', kid: 'shared', alg: 'HS256' });
    self.#server = await startLocalServer((_request, response) =>
      sendJson(response, 200, { keys }),
    );
    return self;
  }

  async stop(): Promise<void> {
    await this.#outbound.close();
    await this.#server.stop();
  }

  trust(over: Partial<IssuerTrust> = {}): IssuerTrust {
    return {
      slug: 'corporate',
      issuer: TestVerifier.good.iss,
      alsoIssuedAs: [],
      jwksUri: `${this.#server.origin}/jwks`,
      algorithms: defaultAlgorithms,
      tokenTypes: defaultTokenTypes,
      audiences: ['api://symbolon'],
      subjectClaim: 'sub',
      ...over,
    };
  }

  verifier(...issuers: readonly IssuerTrust[]): TokenVerifier {
    const all = issuers.length === 0 ? [this.trust()] : issuers;
    return new TokenVerifier({ issuers: () => all, keys: this.#keys, clock: this.#clock });
  }

  /** `ok`, or the reason of the refusal. */
  async reasonFor(token: string, by: TokenVerifier = this.verifier()): Promise<string> {
    const answer = await by.verify(token, TestVerifier.route);
    return answer.ok ? 'ok' : answer.reason;
  }

  /** Undefined claims are left out; the header has alg, kid and typ `at+jwt` unless replaced. */
  sign(claims: Json, header: Json = {}): Promise<string> {
    return this.signText(JSON.stringify(claims), header);
  }

  /** Signs a payload that no JSON library would write. */
  async signText(claims: string, header: Json = {}): Promise<string> {
    const alg = typeof header.alg === 'string' ? header.alg : 'RS256';
    const key = this.#signing.get(alg) as CryptoKey;
    return await new CompactSign(Buffer.from(claims))
      .setProtectedHeader({ kid: alg, typ: 'at+jwt', ...header, alg })
      .sign(key);
  }

  /** A header and claims under the signature of the good token, which was not made for them. */
  async forge(header: unknown, claims: unknown = TestVerifier.good): Promise<string> {
    const signature = (await this.sign(TestVerifier.good)).split('.')[2] ?? '';
    return `${encodePart(header)}.${encodePart(claims)}.${signature}`;
  }

  async #publish(alg: string): Promise<Record<string, unknown>> {
    const { privateKey, publicKey } = await generateKeyPair(alg, { extractable: true });
    this.#signing.set(alg, privateKey);
    if (alg === 'RS256') this.publicPem = await exportSPKI(publicKey);
    return { ...(await exportJWK(publicKey)), kid: alg, alg, use: 'sig' };
  }
}

/** One part of a compact token; a string is taken as it is. */
export function encodePart(value: unknown): string {
  return Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString(
    'base64url',
  );
}
