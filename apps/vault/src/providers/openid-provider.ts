import {
  allowInsecureRequests,
  authorizationCodeGrant,
  buildAuthorizationUrl,
  buildAuthorizationUrlWithPAR,
  calculatePKCECodeChallenge,
  Configuration,
  customFetch,
  fetchUserInfo,
  None,
  refreshTokenGrant,
  skipSubjectCheck,
  tokenRevocation,
  type ClientAuth,
  type CustomFetch,
  type ServerMetadata,
  type TokenEndpointResponse,
} from 'openid-client';
import type { Clock } from '#lib/clock/clock';
import { Secret } from '#lib/secret/secret';
import type { TokenSet, UpstreamAccount } from './token-set.js';
import type { OAuthClient } from '../registry/domain/oauth-client.js';
import { accountFrom } from './account.js';
import type { Authentication, ClientIdentity } from './client-identity.js';
import { noLimit, type RequestLimit } from './concurrency-limit.js';
import type { ProviderOutbound } from './normalising-outbound.js';
import type { AuthorizationStart, Provider, ProviderFailure, TokenResult } from './provider.js';
import { failureFrom, ProviderRefused } from './provider-refused.js';
import type { ServerMetadataSource } from './server-metadata.js';
import { judgeTokenAnswer } from './token-answer.js';

export interface OpenIdProviderParts {
  readonly client: OAuthClient;
  readonly redirectUri: string;
  readonly metadata: ServerMetadataSource;
  readonly outbound: ProviderOutbound;
  /** Who we are there; rejects with ProviderRefused while the registration is not complete. */
  readonly identity: () => Promise<ClientIdentity>;
  /** For all requests but refreshes, whose caller has a slot. */
  readonly limit: RequestLimit;
  readonly clock: Clock;
}

type Attempt<T> = (configuration: Configuration) => Promise<T>;

/** openid-client with its requests bounded and its answers made regular before it sees them. */
export class OpenIdProvider implements Provider {
  /** Which of two live secrets or keys the server took last; until then the newest. */
  #accepted: string | undefined;

  constructor(private readonly parts: OpenIdProviderParts) {}

  async authorizationUrl(start: AuthorizationStart): Promise<URL | ProviderFailure> {
    try {
      const parameters = await this.#authorizationParameters(start);
      const url = (await this.#pushes())
        ? await this.#authenticated((configuration) =>
            buildAuthorizationUrlWithPAR(configuration, parameters),
          )
        : buildAuthorizationUrl(await this.#configuration(None()), parameters);
      const refusal = this.parts.outbound.checkUrl(url.href);
      return refusal ? misconfigured(`authorization endpoint: ${refusal.code}`) : url;
    } catch (error) {
      return failureFrom(error, 'transient');
    }
  }

  async redeem(callback: URL, start: AuthorizationStart): Promise<TokenResult> {
    // The host that the browser used is not trusted to tell our own address.
    const current = new URL(this.parts.redirectUri);
    current.search = callback.search;
    if (!this.#knowsIssuer) current.searchParams.delete('iss');
    const checks = {
      expectedState: start.state,
      pkceCodeVerifier: start.codeVerifier.reveal(),
      ...(this.#expectsIdToken(start.scopes) ? { expectedNonce: start.nonce } : {}),
    };
    return this.#tokens('invalid_grant', start.scopes, (configuration) =>
      authorizationCodeGrant(configuration, current, { ...checks }, this.#resourceOf(start)),
    );
  }

  refresh(
    refreshToken: Secret,
    options: { scopes?: readonly string[]; resource?: string },
  ): Promise<TokenResult> {
    const parameters = {
      ...this.#resourceOf(options),
      ...(options.scopes?.length ? { scope: options.scopes.join(' ') } : {}),
    };
    return this.#tokens(
      'transient',
      options.scopes ?? [],
      (configuration) => refreshTokenGrant(configuration, refreshToken.reveal(), parameters),
      noLimit,
    );
  }

  async revoke(
    token: Secret,
    hint: 'refresh_token' | 'access_token',
  ): Promise<'revoked' | 'not-supported' | 'failed'> {
    try {
      const { revocation_endpoint } = await this.parts.metadata.read();
      if (revocation_endpoint === undefined) return 'not-supported';
      await this.#authenticated((configuration) =>
        tokenRevocation(configuration, token.reveal(), { token_type_hint: hint }),
      );
      return 'revoked';
    } catch (error) {
      failureFrom(error, 'transient');
      return 'failed';
    }
  }

  async account(tokens: TokenSet): Promise<UpstreamAccount | undefined> {
    const known = tokens.idTokenClaims && accountFrom(tokens.idTokenClaims);
    if (known?.name !== undefined) return known;
    const asked = await this.#userinfo(tokens, known?.subject).catch((error: unknown) => {
      failureFrom(error, 'transient');
      return undefined;
    });
    return asked ?? known;
  }

  async #userinfo(
    tokens: TokenSet,
    subject: string | undefined,
  ): Promise<UpstreamAccount | undefined> {
    const { userinfo_endpoint } = await this.parts.metadata.read();
    if (userinfo_endpoint === undefined) return undefined;
    const configuration = await this.#configuration(None());
    const claims = await this.parts.limit.run(() =>
      fetchUserInfo(configuration, tokens.accessToken.reveal(), subject ?? skipSubjectCheck),
    );
    return accountFrom(claims);
  }

  async #authorizationParameters(start: AuthorizationStart): Promise<Record<string, string>> {
    const { client, redirectUri } = this.parts;
    const verifier = start.codeVerifier.reveal();
    return {
      ...client.authorizeParams,
      redirect_uri: redirectUri,
      response_type: 'code',
      state: start.state,
      code_challenge: await calculatePKCECodeChallenge(verifier),
      code_challenge_method: 'S256',
      ...(start.scopes.length > 0 ? { scope: start.scopes.join(' ') } : {}),
      ...(this.#expectsIdToken(start.scopes) ? { nonce: start.nonce } : {}),
      ...this.#resourceOf(start),
    };
  }

  /** RFC 8707: at the authorization endpoint, at the redemption and at each refresh alike. */
  #resourceOf({ resource }: { resource?: string }): Record<string, string> {
    const target = resource ?? this.parts.client.resource;
    return target === undefined ? {} : { resource: target };
  }

  get #knowsIssuer(): boolean {
    return this.parts.client.issuer !== undefined;
  }

  #expectsIdToken(scopes: readonly string[]): boolean {
    return this.#knowsIssuer && scopes.includes('openid');
  }

  async #tokens(
    unacceptable: 'invalid_grant' | 'transient',
    asked: readonly string[],
    attempt: Attempt<TokenEndpointResponse & { claims(): unknown }>,
    limit: RequestLimit = this.parts.limit,
  ): Promise<TokenResult> {
    // Measured from before the request: a slow answer makes a token look older, never younger.
    const issuedAt = this.parts.clock.now();
    try {
      await this.parts.metadata.read();
    } catch (error) {
      return failureFrom(error, 'transient');
    }
    try {
      const answer = await this.#authenticated(attempt, limit);
      return { ok: true, tokens: tokenSet(answer, issuedAt, asked) };
    } catch (error) {
      return failureFrom(error, unacceptable);
    }
  }

  /** RFC 9126: whether the authorization request goes to the server directly, and the browser carries a reference. */
  async #pushes(): Promise<boolean> {
    const { pushedAuthorization } = this.parts.client;
    const metadata = await this.parts.metadata.read();
    const offered = metadata.pushed_authorization_request_endpoint !== undefined;
    if (pushedAuthorization === 'always' && !offered)
      throw new ProviderRefused(misconfigured('the server offers no pushed authorization'));
    if (pushedAuthorization === 'never' && metadata.require_pushed_authorization_requests === true)
      throw new ProviderRefused(misconfigured('the server demands pushed authorization'));
    return offered && pushedAuthorization !== 'never';
  }

  /** Tries the newest secret or key; on `invalid_client` the other live one, and remembers which was taken. */
  async #authenticated<T>(attempt: Attempt<T>, limit = this.parts.limit): Promise<T> {
    let refusal: unknown;
    for (const { name, method } of await this.#authentications()) {
      try {
        const configuration = await this.#configuration(method);
        const result = await limit.run(() => attempt(configuration));
        this.#accepted = name;
        return result;
      } catch (error) {
        if (!isInvalidClient(error)) throw error;
        refusal = error;
      }
    }
    throw refusal;
  }

  async #authentications(): Promise<readonly Authentication[]> {
    const identity = await this.parts.identity();
    const live = await identity.authentications(await this.parts.metadata.read());
    const first = live.filter(({ name }) => name === this.#accepted);
    return [...first, ...live.filter((one) => !first.includes(one))];
  }

  async #configuration(authentication: ClientAuth): Promise<Configuration> {
    const { clientId } = await this.parts.identity();
    const server = await this.parts.metadata.read();
    const configuration = new Configuration(server, clientId, undefined, authentication);
    // Which schemes may be called is decided by libs/outbound.
    allowInsecureRequests(configuration);
    configuration[customFetch] = this.#fetchFor(server);
    return configuration;
  }

  #fetchFor(server: ServerMetadata): CustomFetch {
    const tokenEndpoint = server.token_endpoint && new URL(server.token_endpoint).href;
    return async (url, options) => {
      const response = await this.parts.outbound.fetch(url, options as RequestInit);
      return url === tokenEndpoint
        ? this.#regularTokenAnswer(response, options.body)
        : withoutChallenge(response);
    };
  }

  async #regularTokenAnswer(response: Response, request: unknown): Promise<Response> {
    const judged = judgeTokenAnswer(
      {
        status: response.status,
        contentType: response.headers.get('content-type'),
        retryAfter: response.headers.get('retry-after'),
        body: await response.text(),
      },
      this.parts.clock.now(),
    );
    if (!judged.ok) throw new ProviderRefused(judged);
    const isRefresh =
      request instanceof URLSearchParams && request.get('grant_type') === 'refresh_token';
    // An ID token of a refresh is not used; judging it could only lose the tokens beside it.
    if (isRefresh || !this.#knowsIssuer)
      return Response.json({ ...judged.body, id_token: undefined });
    return Response.json(judged.body);
  }
}

function tokenSet(
  answer: TokenEndpointResponse & { claims(): unknown },
  issuedAt: number,
  asked: readonly string[],
): TokenSet {
  return {
    accessToken: new Secret(answer.access_token),
    refreshToken: answer.refresh_token === undefined ? undefined : new Secret(answer.refresh_token),
    tokenType: 'Bearer',
    issuedAt,
    expiresAt: answer.expires_in === undefined ? undefined : issuedAt + answer.expires_in,
    scopes: answer.scope?.split(' ') ?? asked,
    idTokenClaims: answer.claims() as Record<string, unknown> | undefined,
  };
}

function isInvalidClient(error: unknown): boolean {
  const failure = failureFrom(error, 'transient');
  return failure.code === 'misconfigured' && /\binvalid_client$/.test(failure.detail);
}

// A challenge in the header would hide the OAuth error that stands in the body.
function withoutChallenge(response: Response): Response {
  const headers = new Headers(response.headers);
  headers.delete('www-authenticate');
  return new Response(response.body, { status: response.status, headers });
}

function misconfigured(detail: string): ProviderFailure {
  return { ok: false, code: 'misconfigured', detail };
}
