import { createHash, randomBytes } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { exportJWK, generateKeyPair, SignJWT } from 'jose';
import type { CryptoKey, JWK } from 'jose';
import { refreshedScope } from './issued-access-token.js';
import type { IssuedAccessToken, Narrowing } from './issued-access-token.js';
import { sendJson, startLocalServer } from './local-server.js';
import type { LocalServer } from './local-server.js';
import { personAt } from './person-cookie.js';
import { recordRequest } from './recorded-request.js';
import type { Endpoint, RecordedRequest } from './recorded-request.js';
import { RefreshFamilies } from './refresh-families.js';
import type { RefreshFamily, Rotation } from './refresh-families.js';
import type { OrdinaryAnswer, ScriptedAnswer } from './scripted-answer.js';

export interface AuthorizationServerOptions {
  readonly rotation?: Rotation;
  /** Lifetime of an access token in seconds; default 120. */
  readonly accessTokenTtl?: number;
  /** Whether answers and metadata carry RFC 9207 `iss`; default true. */
  readonly issParameter?: boolean;
  readonly port?: number;
}

interface Authorization {
  readonly clientId: string;
  readonly redirectUri: string;
  readonly scope: string;
  readonly challenge: string | null;
  readonly nonce: string | undefined;
  readonly subject: string;
}

/**
 * An OAuth authorization server over real HTTP: it consents at once, and a test scripts how it misbehaves.
 * Without a script it is correct and, by default, strict: PKCE checked, codes used once, refresh tokens rotated.
 */
export class ScriptableAuthorizationServer {
  /** Everything it was sent, in order of arrival. */
  readonly requests: RecordedRequest[] = [];
  /** Every access and refresh token it issued, for searches of logs and dumps. */
  readonly issuedTokens: string[] = [];
  readonly families: RefreshFamilies;
  /** Who signs in at the next authorization, and what userinfo and the ID token say of them. */
  subject = 'upstream-alice';
  readonly claims = new Map<string, Record<string, unknown>>();
  /** When set, the next authorizations end with this OAuth error instead of a code. */
  authorizationError: string | undefined;
  accessTokenTtl: number;
  /** What it grants of the scopes that an authorization asks for; default all. */
  granting: (asked: string) => string = (asked) => asked;
  narrowing: Narrowing = 'obeys';
  readonly #scripts = new Map<Endpoint, ScriptedAnswer[]>();
  readonly #always = new Map<Endpoint, ScriptedAnswer>();
  readonly #codes = new Map<string, Authorization>();
  readonly #accessTokens = new Map<string, IssuedAccessToken>();

  private constructor(
    private readonly options: AuthorizationServerOptions,
    private readonly key: CryptoKey,
    private readonly jwk: JWK,
  ) {
    this.families = new RefreshFamilies(options.rotation ?? { kind: 'strict' });
    this.accessTokenTtl = options.accessTokenTtl ?? 120;
  }

  #server!: LocalServer;

  static async start(
    options: AuthorizationServerOptions = {},
  ): Promise<ScriptableAuthorizationServer> {
    const { privateKey, publicKey } = await generateKeyPair('ES256');
    const jwk = { ...(await exportJWK(publicKey)), kid: 'k1', alg: 'ES256', use: 'sig' };
    const self = new ScriptableAuthorizationServer(options, privateKey, jwk);
    self.#server = await startLocalServer(
      (request, response) => self.#serve(request, response),
      options.port,
    );
    return self;
  }

  get issuer(): string {
    return this.#server.origin;
  }

  stop(): Promise<void> {
    return this.#server.stop();
  }

  /** The next answers of an endpoint, one request each; then it is ordinary again. */
  script(endpoint: Endpoint, ...answers: ScriptedAnswer[]): void {
    this.#scripts.set(endpoint, [...(this.#scripts.get(endpoint) ?? []), ...answers]);
  }

  /** Every further answer of an endpoint (after those of `script`); undefined: ordinary again. */
  always(endpoint: Endpoint, answer: ScriptedAnswer | undefined): void {
    if (answer === undefined) this.#always.delete(endpoint);
    else this.#always.set(endpoint, answer);
  }

  /** How many requests an endpoint has had. */
  count(endpoint: Endpoint, grantType?: string): number {
    return this.requests.filter(
      (r) =>
        r.endpoint === endpoint &&
        (grantType === undefined || r.parameters.get('grant_type') === grantType),
    ).length;
  }

  /** Whose access token this is, while its grant lives. */
  holderOf(accessToken: string): RefreshFamily | undefined {
    const family = this.#accessTokens.get(accessToken)?.family;
    return family?.revoked === true ? undefined : family;
  }

  /** Ends everything that a person has consented to, as a user does in the provider's own settings. */
  revokeAll(): void {
    for (const family of this.families.all) family.revoked = true;
  }

  /** A grant made without a browser: tokens as the code exchange would have given them. */
  async grantDirectly(about: { subject: string; clientId: string; scope: string }) {
    const family = this.families.start(about);
    return this.#tokens({ family, scope: family.scope, resource: undefined }, undefined);
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const recorded = await recordRequest(request);
    if (recorded === undefined) return sendJson(response, 404, { error: 'not_found' });
    this.requests.push(recorded);
    const scripted =
      this.#scripts.get(recorded.endpoint)?.shift() ?? this.#always.get(recorded.endpoint);
    if (recorded.endpoint === 'authorize' && !scripted) return this.#authorize(recorded, response);
    const used = recorded.endpoint === 'token' ? recorded.parameters.get('refresh_token') : null;
    // Left when the connection ends, answered or not.
    if (used !== null) response.once('close', this.families.arrive(used));
    const ordinary = () => this.#ordinary(recorded);
    if (scripted) return scripted(response, ordinary);
    const { status, body } = await ordinary();
    sendJson(response, status, body);
  }

  async #ordinary(request: RecordedRequest): Promise<OrdinaryAnswer> {
    switch (request.endpoint) {
      case 'discovery':
        return { status: 200, body: this.#metadata() };
      case 'jwks':
        return { status: 200, body: { keys: [this.jwk] } };
      case 'userinfo':
        return this.#userinfo(request);
      case 'revoke':
        return this.#revoke(request.parameters.get('token') ?? '');
      case 'token':
        return this.#token(request.parameters);
      case 'authorize':
        return { status: 400, body: { error: 'invalid_request' } };
    }
  }

  #metadata(): Record<string, unknown> {
    const iss = this.issuer;
    return {
      issuer: iss,
      authorization_endpoint: `${iss}/authorize`,
      token_endpoint: `${iss}/token`,
      revocation_endpoint: `${iss}/revoke`,
      userinfo_endpoint: `${iss}/userinfo`,
      jwks_uri: `${iss}/jwks`,
      response_types_supported: ['code'],
      grant_types_supported: ['authorization_code', 'refresh_token'],
      subject_types_supported: ['public'],
      id_token_signing_alg_values_supported: ['ES256'],
      code_challenge_methods_supported: ['S256'],
      token_endpoint_auth_methods_supported: ['client_secret_basic', 'client_secret_post', 'none'],
      authorization_response_iss_parameter_supported: this.options.issParameter ?? true,
    };
  }

  #authorize({ parameters, headers }: RecordedRequest, response: ServerResponse): void {
    const person = personAt(headers.cookie);
    const redirectUri = parameters.get('redirect_uri') ?? '';
    const target = new URL(redirectUri);
    const state = parameters.get('state');
    if (state !== null) target.searchParams.set('state', state);
    if (this.options.issParameter ?? true) target.searchParams.set('iss', this.issuer);
    if (this.authorizationError !== undefined) {
      target.searchParams.set('error', this.authorizationError);
    } else {
      const code = randomBytes(16).toString('base64url');
      this.#codes.set(code, {
        clientId: parameters.get('client_id') ?? '',
        redirectUri,
        scope: this.granting(parameters.get('scope') ?? ''),
        challenge: parameters.get('code_challenge'),
        nonce: parameters.get('nonce') ?? undefined,
        subject: person === undefined ? this.subject : `upstream-${person}`,
      });
      target.searchParams.set('code', code);
    }
    response.writeHead(303, { location: target.href, 'cache-control': 'no-store' }).end();
  }

  #token(parameters: URLSearchParams): Promise<OrdinaryAnswer> {
    const grantType = parameters.get('grant_type');
    if (grantType === 'authorization_code') return this.#redeem(parameters);
    if (grantType === 'refresh_token') return this.#refresh(parameters);
    return Promise.resolve(refused('unsupported_grant_type'));
  }

  async #redeem(parameters: URLSearchParams): Promise<OrdinaryAnswer> {
    const code = parameters.get('code') ?? '';
    const authorization = this.#codes.get(code);
    this.#codes.delete(code);
    if (authorization === undefined) return refused('invalid_grant');
    const { challenge, redirectUri, ...about } = authorization;
    const verifier = parameters.get('code_verifier') ?? '';
    const computed = createHash('sha256').update(verifier).digest('base64url');
    if (challenge !== null && challenge !== computed) return refused('invalid_grant');
    if (parameters.get('redirect_uri') !== redirectUri) return refused('invalid_grant');
    const family = this.families.start(about);
    const issued = { family, scope: family.scope, resource: resourceOf(parameters) };
    return { status: 200, body: await this.#tokens(issued, this.families.issue(family)) };
  }

  async #refresh(parameters: URLSearchParams): Promise<OrdinaryAnswer> {
    const token = parameters.get('refresh_token') ?? '';
    const granted = this.families.familyOf(token)?.scope ?? '';
    const scope = refreshedScope(granted, parameters.get('scope'), this.narrowing);
    if (scope === undefined) return refused('invalid_scope');
    const used = this.families.use(token);
    if (used === undefined) return refused('invalid_grant');
    const issued = { family: used.family, scope, resource: resourceOf(parameters) };
    return { status: 200, body: await this.#tokens(issued, used.next) };
  }

  /** What an access token is good for; undefined where it was not issued here. */
  issuedFor(accessToken: string): IssuedAccessToken | undefined {
    return this.#accessTokens.get(accessToken);
  }

  async #tokens(
    issued: IssuedAccessToken,
    refreshToken: string | undefined,
  ): Promise<Record<string, unknown> & { access_token: string }> {
    const { family, scope } = issued;
    const accessToken = `at_${family.id}_${randomBytes(16).toString('base64url')}`;
    this.#accessTokens.set(accessToken, issued);
    this.issuedTokens.push(accessToken, ...(refreshToken === undefined ? [] : [refreshToken]));
    return {
      access_token: accessToken,
      token_type: 'Bearer',
      expires_in: this.accessTokenTtl,
      scope,
      ...(refreshToken === undefined ? {} : { refresh_token: refreshToken }),
      ...(scope.split(' ').includes('openid') ? { id_token: await this.idToken(family) } : {}),
    };
  }

  /** An ID token about a grant, with members replaced or added. */
  idToken(
    about: Pick<RefreshFamily, 'subject' | 'clientId' | 'nonce'>,
    claims: Record<string, unknown> = {},
  ): Promise<string> {
    const known = this.claims.get(about.subject) ?? {};
    const nonce = about.nonce === undefined ? {} : { nonce: about.nonce };
    return new SignJWT({ sub: about.subject, aud: about.clientId, ...nonce, ...known, ...claims })
      .setProtectedHeader({ alg: 'ES256', kid: 'k1', typ: 'JWT' })
      .setIssuer(this.issuer)
      .setIssuedAt()
      .setExpirationTime('5m')
      .sign(this.key);
  }

  #userinfo({ headers }: RecordedRequest): OrdinaryAnswer {
    const token = /^Bearer (.+)$/i.exec(headers.authorization ?? '')?.[1] ?? '';
    const family = this.#accessTokens.get(token)?.family;
    if (family === undefined || family.revoked) return { status: 401, body: {} };
    return {
      status: 200,
      body: { sub: family.subject, ...this.claims.get(family.subject) },
    };
  }

  #revoke(token: string): OrdinaryAnswer {
    const family = this.families.familyOf(token) ?? this.#accessTokens.get(token)?.family;
    if (family !== undefined) family.revoked = true;
    return { status: 200, body: {} };
  }
}

function resourceOf(parameters: URLSearchParams): string | undefined {
  return parameters.get('resource') ?? undefined;
}

function refused(error: string): OrdinaryAnswer {
  return { status: 400, body: { error, error_description: 'refused by the test server' } };
}
