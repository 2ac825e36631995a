import {
  allowInsecureRequests,
  authorizationCodeGrant,
  clockSkew,
  buildAuthorizationUrl,
  buildAuthorizationUrlWithPAR,
  clientCredentialsGrant,
  Configuration,
  customFetch,
  fetchUserInfo,
  genericGrantRequest,
  None,
  refreshTokenGrant,
  skipSubjectCheck,
  tokenRevocation,
  type ClientAuth,
  type DPoPOptions,
  type TokenEndpointResponse,
} from 'openid-client';
import { type Clock, hostClockSkew } from '#lib/clock/clock';
import type { Secret } from '#lib/secret/secret';
import type { TokenSet, UpstreamAccount } from './token-set.js';
import type { OAuthClient } from '../registry/domain/oauth-client.js';
import { abortable } from './abortable.js';
import { accountFrom } from './account.js';
import { authorizationParameters, resourceOf } from './authorization-parameters.js';
import type { Authentication, ClientIdentity } from './client-identity.js';
import { noLimit, type RequestLimit } from './concurrency-limit.js';
import { bindsTokens, dpopHandle, makeDpopKey } from './dpop-key.js';
import type { ProviderOutbound } from './normalising-outbound.js';
import type {
  AuthorizationStart,
  ClientTokenOptions,
  Provider,
  ProviderFailure,
  RefreshOptions,
  SubjectTokenOptions,
  TokenResult,
} from './provider.js';
import { failureFrom } from './provider-refused.js';
import type { ServerMetadataSource } from './server-metadata.js';
import { providerFetch } from './provider-fetch.js';
import { pushesRequests } from './pushes-requests.js';
import { scopeOf, subjectTokenRequest, withoutPerson } from './subject-token-request.js';
import { tokenSet } from './token-set-of.js';

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

type Attempt<T> = (configuration: Configuration, binding: DPoPOptions) => Promise<T>;

/** openid-client with its requests bounded and its answers made regular before it sees them. */
export class OpenIdProvider implements Provider {
  /** Which of two live secrets or keys the server took last; until then the newest. */
  #accepted: string | undefined;
  /** RFC 9449 §8: what the server's endpoints want in the next proof, by origin. */
  readonly #nonces = new Map<string, string>();

  constructor(private readonly parts: OpenIdProviderParts) {}

  async authorizationUrl(start: AuthorizationStart): Promise<URL | ProviderFailure> {
    try {
      const binding = await this.#bindingTo(start.dpopKey);
      const parameters = {
        ...(await authorizationParameters(this.parts, start, this.#expectsIdToken(start.scopes))),
        // RFC 9449 §10: a code that somebody else gets hold of is of no use without the key.
        ...(binding.DPoP ? { dpop_jkt: await binding.DPoP.calculateThumbprint() } : {}),
      };
      const pushes = pushesRequests(this.parts.client, await this.parts.metadata.read());
      const url = pushes
        ? await this.#authenticated((configuration) =>
            buildAuthorizationUrlWithPAR(configuration, parameters, binding),
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
    const asked = { scopes: start.scopes, dpopKey: start.dpopKey };
    return this.#tokens('invalid_grant', asked, (configuration, binding) =>
      authorizationCodeGrant(
        configuration,
        current,
        { ...checks },
        resourceOf(this.parts.client, start),
        binding,
      ),
    );
  }

  refresh(refreshToken: Secret, options: RefreshOptions): Promise<TokenResult> {
    const parameters = {
      ...resourceOf(this.parts.client, options),
      ...(options.scopes?.length ? { scope: options.scopes.join(' ') } : {}),
    };
    return this.#tokens(
      'transient',
      // Once bound, always: whatever is said today of what is offered.
      { ...options, isBound: options.dpopKey !== undefined },
      (configuration, binding) =>
        refreshTokenGrant(
          abortable(configuration, options.signal),
          refreshToken.reveal(),
          parameters,
          binding,
        ),
      noLimit,
    );
  }

  clientCredentials(options: ClientTokenOptions): Promise<TokenResult> {
    const parameters = { ...resourceOf(this.parts.client, options), ...scopeOf(options) };
    return this.#tokens(
      'transient',
      options,
      (configuration, binding) => clientCredentialsGrant(configuration, parameters, binding),
      noLimit,
    );
  }

  async exchange(subjectToken: Secret, options: SubjectTokenOptions): Promise<TokenResult> {
    const [grantType, parameters] = subjectTokenRequest(subjectToken, options);
    const all = { ...parameters, ...resourceOf(this.parts.client, options), ...scopeOf(options) };
    const answer = await this.#tokens(
      'transient',
      options,
      (configuration, binding) => genericGrantRequest(configuration, grantType, all, binding),
      noLimit,
    );
    return answer.ok ? answer : withoutPerson(answer);
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
    const binding = await this.#proofsWith(
      tokens.tokenType === 'DPoP' ? tokens.dpopKey : undefined,
    );
    const token = tokens.accessToken.reveal();
    const claims = await this.parts.limit.run(() =>
      fetchUserInfo(configuration, token, subject ?? skipSubjectCheck, binding),
    );
    return accountFrom(claims);
  }

  get #knowsIssuer(): boolean {
    return this.parts.client.issuer !== undefined;
  }

  #expectsIdToken(scopes: readonly string[]): boolean {
    return this.#knowsIssuer && scopes.includes('openid');
  }

  async #tokens(
    unacceptable: 'invalid_grant' | 'transient',
    asked: Pick<RefreshOptions, 'scopes' | 'dpopKey'> & { isBound?: boolean },
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
      // Tokens that were had before this was demanded get their key now.
      const dpopKey =
        asked.dpopKey ?? (this.parts.client.dpop === 'always' ? makeDpopKey() : undefined);
      const binding = await this.#bindingTo(dpopKey, asked.isBound);
      const answer = await this.#authenticated(
        (configuration) => attempt(configuration, binding),
        limit,
      );
      return {
        ok: true,
        tokens: tokenSet(answer, { issuedAt, scopes: asked.scopes ?? [], dpopKey }),
      };
    } catch (error) {
      return failureFrom(error, unacceptable);
    }
  }

  async #bindingTo(key: Secret | undefined, isBound = false): Promise<DPoPOptions> {
    const wanted = isBound || bindsTokens(this.parts.client, await this.parts.metadata.read());
    return this.#proofsWith(wanted ? key : undefined);
  }

  async #proofsWith(key: Secret | undefined): Promise<DPoPOptions> {
    if (key === undefined) return {};
    const configuration = await this.#configuration(None());
    const now = this.parts.clock.now();
    return { DPoP: await dpopHandle(configuration, key, { nonces: this.#nonces, now }) };
  }

  /** Tries the newest secret or key; on `invalid_client` the other live one, and remembers which was taken. */
  async #authenticated<T>(
    attempt: (configuration: Configuration) => Promise<T>,
    limit = this.parts.limit,
  ): Promise<T> {
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
    const skewed = { [clockSkew]: hostClockSkew(this.parts.clock) };
    const configuration = new Configuration(server, clientId, skewed, authentication);
    // Which schemes may be called is decided by libs/outbound.
    allowInsecureRequests(configuration);
    configuration[customFetch] = providerFetch(this.parts, server, this.#nonces);
    return configuration;
  }
}

function isInvalidClient(error: unknown): boolean {
  const failure = failureFrom(error, 'transient');
  return failure.code === 'misconfigured' && /\binvalid_client$/.test(failure.detail);
}

function misconfigured(detail: string): ProviderFailure {
  return { ok: false, code: 'misconfigured', detail };
}
