import { createHash, randomUUID } from 'node:crypto';
import { SignJWT } from 'jose';
import type { JWK, JWTHeaderParameters, JWTPayload } from 'jose';
import { IssuerSignIn } from './issuer-sign-in.js';
import { sendJson, startLocalServer } from './local-server.js';
import type { LocalServer } from './local-server.js';
import { testSigningKey } from './test-signing-key.js';
import type { SigningKey } from './test-signing-key.js';

/** `rfc9068`: tidy access tokens; `keycloak`: as it ships; `pairwise`: `sub` differs per client, `oid` does not. */
export type IssuerShape = 'rfc9068' | 'keycloak' | 'pairwise';

/** Whom a token is about, from whom and for whom. `audience` undefined leaves `aud` out. */
export interface TokenAbout {
  readonly subject: string;
  readonly clientId: string;
  readonly audience?: string | readonly string[];
  readonly scope?: string;
  /** Seconds; default 300. */
  readonly expiresIn?: number;
  readonly claims?: Readonly<Record<string, unknown>>;
}

/** A corporate issuer for tests: metadata, keys and sign-in over HTTP, callers' tokens signed in memory. */
export class TestIssuer {
  /** How often the keys and the metadata were fetched. */
  readonly fetches = { jwks: 0, discovery: 0 };
  /** While true, every answer is 503. */
  down = false;
  readonly signIn = new IssuerSignIn((about) => this.idToken(about));
  #keys: SigningKey[];
  #server!: LocalServer;

  private constructor(
    readonly shape: IssuerShape,
    key: SigningKey,
  ) {
    this.#keys = [key];
  }

  /** `like` another one: the same directory under another URL signs by the same keys. */
  static async start(
    shape: IssuerShape = 'rfc9068',
    port = 0,
    like?: TestIssuer,
  ): Promise<TestIssuer> {
    const key = like === undefined ? undefined : like.#keys[0];
    const self = new TestIssuer(shape, key ?? (await testSigningKey()));
    self.#server = await startLocalServer((request, response) => {
      if (self.down) return sendJson(response, 503, {});
      const { pathname: path, searchParams } = new URL(request.url ?? '/', self.issuer);
      if (path === `${self.#path}/authorize`)
        return self.signIn.authorize(searchParams, response, request.headers.cookie);
      if (path === `${self.#path}/token`) return self.signIn.token(request, response);
      if (path === `${self.#path}/jwks`) {
        self.fetches.jwks += 1;
        return sendJson(response, 200, self.jwks);
      }
      if (path === `${self.#path}/.well-known/openid-configuration`) {
        self.fetches.discovery += 1;
        return sendJson(response, 200, self.metadata);
      }
      return sendJson(response, 404, {});
    }, port);
    return self;
  }

  get #path(): string {
    return this.shape === 'keycloak' ? '/realms/corporate' : '';
  }

  get issuer(): string {
    return `${this.#server.origin}${this.#path}`;
  }

  get jwksUri(): string {
    return `${this.issuer}/jwks`;
  }

  get jwks(): { keys: JWK[] } {
    return { keys: this.#keys.map(({ publicJwk }) => publicJwk) };
  }

  get metadata(): Record<string, unknown> {
    return {
      issuer: this.issuer,
      jwks_uri: this.jwksUri,
      authorization_endpoint: `${this.issuer}/authorize`,
      token_endpoint: `${this.issuer}/token`,
      response_types_supported: ['code'],
      subject_types_supported: this.shape === 'pairwise' ? ['pairwise'] : ['public', 'pairwise'],
      id_token_signing_alg_values_supported: ['RS256'],
    };
  }

  stop(): Promise<void> {
    return this.#server.stop();
  }

  /** Signs with a new key from now on; the old one stays published unless `dropOld`. */
  async rotateKey(dropOld = false): Promise<void> {
    this.#keys = [await testSigningKey(), ...(dropOld ? [] : this.#keys)];
  }

  /** Signs exactly these claims: nothing is added. The header has alg and kid unless replaced. */
  sign(claims: JWTPayload, header: Partial<JWTHeaderParameters> = {}): Promise<string> {
    const key = this.#keys[0] as SigningKey;
    return new SignJWT(claims)
      .setProtectedHeader({ alg: 'RS256', kid: key.publicJwk.kid, typ: 'at+jwt', ...header })
      .sign(key.privateKey);
  }

  /** An access token as an issuer of this shape makes it. */
  accessToken(about: TokenAbout): Promise<string> {
    const { claims, header } = this.#accessTokenParts(about);
    return this.sign({ ...claims, ...about.claims }, header);
  }

  /** An ID token; must never pass where an access token is wanted. */
  idToken(about: TokenAbout): Promise<string> {
    const base = this.#base(about);
    const { nonce } = about.claims ?? {};
    return this.sign(
      {
        ...base,
        ...this.#subject(about),
        aud: about.clientId,
        ...(nonce === undefined ? { nonce: randomUUID() } : {}),
        ...about.claims,
      },
      { typ: 'JWT' },
    );
  }

  #base(about: TokenAbout): JWTPayload {
    const iat = Math.floor(Date.now() / 1000);
    return { iss: this.issuer, iat, exp: iat + (about.expiresIn ?? 300), jti: randomUUID() };
  }

  #subject({ subject, clientId }: TokenAbout): JWTPayload {
    if (this.shape !== 'pairwise') return { sub: subject };
    const sub = createHash('sha256').update(`${clientId} ${subject}`).digest('base64url');
    return { sub, oid: subject };
  }

  #accessTokenParts(about: TokenAbout): {
    claims: JWTPayload;
    header: Partial<JWTHeaderParameters>;
  } {
    const aud = about.audience === undefined ? {} : { aud: about.audience as string | string[] };
    const scope = about.scope === undefined ? {} : { scope: about.scope };
    const claims = { ...this.#base(about), ...this.#subject(about), ...aud, ...scope };
    if (this.shape !== 'keycloak') {
      return { claims: { ...claims, client_id: about.clientId }, header: { typ: 'at+jwt' } };
    }
    return {
      claims: {
        ...claims,
        typ: 'Bearer',
        azp: about.clientId,
        sid: randomUUID(),
        acr: '1',
        realm_access: { roles: ['offline_access', 'default-roles-corporate', 'engineer'] },
        resource_access: { account: { roles: ['manage-account'] } },
        scope: about.scope ?? 'openid profile email',
        preferred_username: about.subject,
        email: `${about.subject}@example.com`,
        email_verified: true,
      },
      header: { typ: 'JWT' },
    };
  }
}
