import type { Secret } from '#lib/secret/secret';
import type { TokenSet, UpstreamAccount } from './token-set.js';
import type { OAuthClient } from '../registry/domain/oauth-client.js';
import type { Stored } from '../registry/registry-snapshot.js';

/** Why a call to an authorization server did not give tokens. `code` decides; `detail` is for the log. */
export type ProviderFailure =
  /** RFC 6749 §5.2 invalid_grant: the code or refresh token is not good. The only end of a grant. */
  | { readonly ok: false; readonly code: 'invalid_grant'; readonly detail: string }
  /** Our registration is wrong (invalid_client, unauthorized_client, invalid_scope …): an admin must act. */
  | { readonly ok: false; readonly code: 'misconfigured'; readonly detail: string }
  /** 429, 5xx, garbage, timeout, refused address: try again. */
  | {
      readonly ok: false;
      readonly code: 'transient';
      readonly detail: string;
      readonly retryAfterSeconds?: number;
    };

export type TokenResult = { readonly ok: true; readonly tokens: TokenSet } | ProviderFailure;

export interface AuthorizationStart {
  readonly state: string;
  readonly nonce: string;
  readonly codeVerifier: Secret;
  readonly scopes: readonly string[];
  readonly resource: string | undefined;
  /** What the tokens are bound to if the server does that (RFC 9449). */
  readonly dpopKey?: Secret | undefined;
}

export interface RefreshOptions {
  readonly scopes?: readonly string[];
  readonly resource?: string;
  /** Of the grant: what its refresh token may be bound to (RFC 9449 §5). */
  readonly dpopKey?: Secret | undefined;
  /** Gives the request up: the refresh token is no longer ours to use. */
  readonly signal?: AbortSignal;
}

/** What a token that nobody's consent stands behind is for. */
export interface ClientTokenOptions {
  readonly scopes: readonly string[];
  readonly resource: string | undefined;
}

export interface SubjectTokenOptions extends ClientTokenOptions {
  /** RFC 8693, or RFC 7523 with Entra's `requested_token_use=on_behalf_of`. */
  readonly flow: 'token-exchange' | 'on-behalf-of';
  readonly audience: string | undefined;
}

/** One upstream authorization server as our registration there sees it. */
export interface Provider {
  /** RFC 6749 §4.1.1 with PKCE S256 (RFC 7636); `redirectUri` is this oauth client's own. */
  authorizationUrl(start: AuthorizationStart): Promise<URL | ProviderFailure>;
  /** `callback` is the full URL that the browser came back to; checks `iss` (RFC 9207) and the ID token. */
  redeem(callback: URL, start: AuthorizationStart): Promise<TokenResult>;
  refresh(refreshToken: Secret, options: RefreshOptions): Promise<TokenResult>;
  /** RFC 6749 §4.4: a token of our own there. */
  clientCredentials(options: ClientTokenOptions): Promise<TokenResult>;
  /** A token for the person whom the caller's own token is about; `invalid_grant` where it is not taken, or not without them. */
  exchange(subjectToken: Secret, options: SubjectTokenOptions): Promise<TokenResult>;
  /** RFC 7009. */
  revoke(
    token: Secret,
    hint: 'refresh_token' | 'access_token',
  ): Promise<'revoked' | 'not-supported' | 'failed'>;
  /** From the ID token, else userinfo; undefined where the server tells nothing. */
  account(tokens: TokenSet): Promise<UpstreamAccount | undefined>;
}

export interface Providers {
  of(client: Stored<OAuthClient>): Provider;
  /** `{vault public URL}/callback/{slug}`: exactly one per oauth client (row 9, mix-up). */
  redirectUri(slug: string): string;
}
