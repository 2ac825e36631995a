import * as oidc from 'openid-client';
import { type Clock, hostClockSkew } from '#lib/clock/clock';
import { type Claims, readClaim } from '#lib/jwt/claim';
import { Problem } from '#lib/problem/problem';
import type { Secret } from '#lib/secret/secret';
import type { Issuer } from '../registry/domain/issuer.js';
import type { Registry, Stored } from '../registry/registry-snapshot.js';

/** Who signed in, as the ID token says. */
export interface SignedIn {
  /** The value of the issuer's `subjectClaim`, byte-exact. */
  readonly subject: string;
  readonly displayName: string;
  readonly account: string;
  /** Of the ID token. */
  readonly claims: Claims;
}

export interface SignInChecks {
  readonly state: string;
  readonly nonce: string;
  readonly codeVerifier: Secret;
}

/** Signing in at a corporate IdP: OpenID Connect code flow with PKCE, state and nonce (row 2). */
export class CorporateIdp {
  readonly #discovered = new Map<
    string,
    { version: number; metadata: Promise<oidc.ServerMetadata> }
  >();

  constructor(
    private readonly registry: Registry,
    private readonly fetch: typeof globalThis.fetch,
    private readonly publicUrl: string,
    private readonly clock: Clock,
  ) {}

  /** `reauthenticate` asks for the password even where a session exists, so that another account can be used. */
  async signInUrl(
    issuer: Stored<Issuer>,
    checks: SignInChecks,
    options: { reauthenticate: boolean },
  ): Promise<URL> {
    const [configuration] = await this.#configurations(issuer);
    return oidc.buildAuthorizationUrl(configuration, {
      redirect_uri: this.#redirectUri,
      response_type: 'code',
      scope: [...new Set(['openid', ...issuer.document.login.scopes])].join(' '),
      state: checks.state,
      nonce: checks.nonce,
      code_challenge: await oidc.calculatePKCECodeChallenge(checks.codeVerifier.reveal()),
      code_challenge_method: 'S256',
      ...(options.reauthenticate ? { prompt: 'login' } : {}),
    });
  }

  /** `search` is the query that the browser came back with. Throws openid-client's errors. */
  async redeem(issuer: Stored<Issuer>, search: string, checks: SignInChecks): Promise<SignedIn> {
    const callback = new URL(search, this.#redirectUri);
    const [newest, ...older] = await this.#configurations(issuer);
    let last: { error: unknown } | undefined;
    for (const configuration of [newest, ...older]) {
      try {
        return await this.#redeemWith(configuration, issuer, callback, checks);
      } catch (error) {
        last = { error };
        // While a client secret is rotated the IdP may still want the other one.
        if (!(error instanceof oidc.ResponseBodyError) || error.error !== 'invalid_client') break;
      }
    }
    throw last?.error;
  }

  async #redeemWith(
    configuration: oidc.Configuration,
    issuer: Stored<Issuer>,
    callback: URL,
    checks: SignInChecks,
  ): Promise<SignedIn> {
    const tokens = await oidc.authorizationCodeGrant(configuration, callback, {
      expectedState: checks.state,
      expectedNonce: checks.nonce,
      pkceCodeVerifier: checks.codeVerifier.reveal(),
      idTokenExpected: true,
    });
    const claims = { ...tokens.claims() };
    const subject = readClaim(claims, issuer.document.subjectClaim);
    if (typeof subject !== 'string' || subject === '')
      throw new Problem(
        'forbidden',
        `The ID token has no usable ${issuer.document.subjectClaim} claim.`,
      );
    const profile = { ...(await this.#profile(configuration, tokens)), ...claims };
    const account = textClaim(profile, ['preferred_username', 'upn', 'email']) ?? subject;
    const displayName = textClaim(profile, ['name']) ?? account;
    return { subject, account, displayName, claims };
  }

  // Many IdPs tell names at the userinfo endpoint only. Nobody is identified by them, so a failure is no error.
  async #profile(
    configuration: oidc.Configuration,
    tokens: oidc.TokenEndpointResponse & oidc.TokenEndpointResponseHelpers,
  ): Promise<Record<string, unknown>> {
    const claims = tokens.claims();
    const told = claims?.['name'] !== undefined || claims?.['preferred_username'] !== undefined;
    if (!claims || told || !configuration.serverMetadata().userinfo_endpoint) return {};
    return oidc
      .fetchUserInfo(configuration, tokens.access_token, claims.sub)
      .then((info) => ({ ...info }))
      .catch(() => ({}));
  }

  get #redirectUri(): string {
    return `${this.publicUrl}/login/callback`;
  }

  /** One per live client secret, newest first. */
  async #configurations(
    issuer: Stored<Issuer>,
  ): Promise<[oidc.Configuration, ...oidc.Configuration[]]> {
    const metadata = await this.#metadata(issuer);
    const secrets = await this.registry.secrets(issuer.id, 'login.clientSecret');
    const [newest, ...older] = secrets;
    return [
      this.#configuration(issuer, metadata, newest),
      ...older.map((secret) => this.#configuration(issuer, metadata, secret)),
    ];
  }

  #configuration(
    issuer: Stored<Issuer>,
    metadata: oidc.ServerMetadata,
    secret: Secret | undefined,
  ): oidc.Configuration {
    const methods = metadata.token_endpoint_auth_methods_supported ?? ['client_secret_basic'];
    const authentication = methods.includes('client_secret_basic')
      ? oidc.ClientSecretBasic
      : oidc.ClientSecretPost;
    const configuration = new oidc.Configuration(
      metadata,
      issuer.document.login.clientId,
      { [oidc.clockSkew]: hostClockSkew(this.clock) },
      secret ? authentication(secret.reveal()) : oidc.None(),
    );
    configuration[oidc.customFetch] = this.fetch as oidc.CustomFetch;
    // http is refused by the outbound rules in production; here it may be development.
    if (issuer.document.issuer.startsWith('http:')) oidc.allowInsecureRequests(configuration);
    oidc.enableNonRepudiationChecks(configuration);
    return configuration;
  }

  async #metadata(issuer: Stored<Issuer>): Promise<oidc.ServerMetadata> {
    const known = this.#discovered.get(issuer.id);
    if (known?.version === issuer.version) return known.metadata;
    const metadata = this.#discover(issuer);
    this.#discovered.set(issuer.id, { version: issuer.version, metadata });
    metadata.catch(() => this.#discovered.delete(issuer.id));
    return metadata;
  }

  async #discover(issuer: Stored<Issuer>): Promise<oidc.ServerMetadata> {
    const { issuer: identifier, login } = issuer.document;
    try {
      const configuration = await oidc.discovery(
        new URL(identifier),
        login.clientId,
        undefined,
        oidc.None(),
        {
          [oidc.customFetch]: this.fetch as oidc.CustomFetch,
          ...(identifier.startsWith('http:') ? { execute: [oidc.allowInsecureRequests] } : {}),
        },
      );
      return configuration.serverMetadata();
    } catch (cause) {
      const headers = { 'retry-after': '5' };
      throw new Problem('temporarily-unavailable', 'Your sign-in page cannot be reached.', {
        cause,
        headers,
      });
    }
  }
}

function textClaim(claims: Readonly<Record<string, unknown>>, names: readonly string[]) {
  const values = names.map((name) => claims[name]);
  return values.find((value): value is string => typeof value === 'string' && value !== '');
}
