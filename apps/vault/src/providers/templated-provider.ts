import type { Secret } from '#lib/secret/secret';
import type { Template } from '../templates/template.js';
import type { RequestLimit } from './concurrency-limit.js';
import { accountAt, keptValue, type TokenAnswerExtras } from './normalise-answer.js';
import { providerAuthorizationUrl } from './normalise-request.js';
import type { NormalisingOutbound } from './normalising-outbound.js';
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
import type { TemplateCalls } from './template-calls.js';
import type { TokenSet, UpstreamAccount } from './token-set.js';

export interface TemplatedProviderParts {
  /** Speaks the RFCs through `wire`. */
  readonly regular: Provider;
  readonly wire: NormalisingOutbound;
  readonly calls: TemplateCalls;
  readonly template: Template;
  readonly limit: RequestLimit;
  /** RFC 7662, where the server has it. */
  readonly introspectionEndpoint: string | undefined;
}

type Kept = Readonly<Record<string, string>>;

/** A provider with peculiarities, all of which stand in its template. */
export class TemplatedProvider implements Provider {
  constructor(private readonly parts: TemplatedProviderParts) {}

  async authorizationUrl(start: AuthorizationStart): Promise<URL | ProviderFailure> {
    const { regular, template } = this.parts;
    const url = await regular.authorizationUrl(start);
    return url instanceof URL ? providerAuthorizationUrl(template, url) : url;
  }

  async redeem(callback: URL, start: AuthorizationStart): Promise<TokenResult> {
    const kept = this.#callbackMetadata(callback);
    if ('ok' in kept) return kept;
    const { regular } = this.parts;
    const { result, extras } = await this.parts.wire.withExtras(() =>
      regular.redeem(callback, start),
    );
    if (!result.ok) return result;
    const { accessToken } = result.tokens;
    const looked = await this.#quietly(() => this.parts.calls.afterConnecting(accessToken));
    return this.#finished(result.tokens, extras, { ...kept.found, ...looked });
  }

  refresh(refreshToken: Secret, options: RefreshOptions): Promise<TokenResult> {
    return this.#asked((regular) => regular.refresh(refreshToken, options));
  }

  clientCredentials(options: ClientTokenOptions): Promise<TokenResult> {
    return this.#asked((regular) => regular.clientCredentials(options));
  }

  exchange(subjectToken: Secret, options: SubjectTokenOptions): Promise<TokenResult> {
    return this.#asked((regular) => regular.exchange(subjectToken, options));
  }

  async #asked(ask: (regular: Provider) => Promise<TokenResult>): Promise<TokenResult> {
    const { regular, wire } = this.parts;
    const { result, extras } = await wire.withExtras(() => ask(regular));
    return result.ok ? this.#finished(result.tokens, extras, {}) : result;
  }

  async revoke(
    token: Secret,
    hint: 'refresh_token' | 'access_token',
  ): Promise<'revoked' | 'not-supported' | 'failed'> {
    const { regular, calls, template } = this.parts;
    const { revoke } = template;
    if (revoke === undefined) return regular.revoke(token, hint);
    if (revoke.token === 'refresh' && hint === 'access_token') return 'not-supported';
    const revocable =
      revoke.token === 'access' && hint === 'refresh_token'
        ? await this.#accessToken(token)
        : token;
    if (revocable === undefined) return 'failed';
    const done = await this.#quietly(() => calls.revoke(revoke, revocable));
    return done === true ? 'revoked' : 'failed';
  }

  async account(tokens: TokenSet): Promise<UpstreamAccount | undefined> {
    const { regular, calls, template } = this.parts;
    const { account } = template;
    if (account === undefined) return regular.account(tokens);
    if (account.from === 'tokenResponse') return tokens.account;
    if (account.from === 'idToken') return accountAt(tokens.idTokenClaims, account);
    return this.#quietly(() => calls.account(account, tokens.accessToken));
  }

  /** The stored access token may have run out, and only the refresh token is kept for sure. */
  async #accessToken(refreshToken: Secret): Promise<Secret | undefined> {
    const fresh = await this.parts.limit.run(() => this.parts.regular.refresh(refreshToken, {}));
    return fresh.ok ? fresh.tokens.accessToken : undefined;
  }

  #callbackMetadata(callback: URL): { readonly found: Kept } | ProviderFailure {
    const found: Record<string, string> = {};
    // An error of the authorization endpoint says nothing else.
    if (callback.searchParams.has('error')) return { found };
    for (const [name, rule] of Object.entries(this.parts.template.metadata.callback)) {
      const all = callback.searchParams.getAll(name);
      const value = keptValue(all.length === 1 ? all[0] : undefined, rule);
      if (value !== undefined) found[name] = value;
      else if (rule.required || all.length > 0) return unfitCallback(name);
    }
    return { found };
  }

  async #finished(
    tokens: TokenSet,
    extras: TokenAnswerExtras | undefined,
    kept: Kept,
  ): Promise<TokenResult> {
    const metadata = { ...kept, ...extras?.metadata };
    const expiresAt = tokens.expiresAt ?? (await this.#end(tokens));
    return { ok: true, tokens: { ...tokens, expiresAt, metadata, account: extras?.account } };
  }

  async #end({ accessToken, issuedAt }: TokenSet): Promise<number | undefined> {
    const { template, calls, introspectionEndpoint: endpoint } = this.parts;
    const { introspect, assumeSeconds, none } = template.expiry;
    if (none || !introspect) return undefined;
    const said =
      endpoint === undefined
        ? undefined
        : await this.#quietly(() => calls.introspectedEnd(endpoint, accessToken));
    return said ?? (assumeSeconds === undefined ? undefined : issuedAt + assumeSeconds);
  }

  /** What is asked beside the tokens must not lose them. */
  #quietly<T>(ask: () => Promise<T>): Promise<T | undefined> {
    return ask().catch((error: unknown) => {
      failureFrom(error, 'transient');
      return undefined;
    });
  }
}

// What the vault cannot keep it must not guess: the person is asked anew.
function unfitCallback(name: string): ProviderFailure {
  const detail = `the callback has no fitting ${name}`;
  return { ok: false, code: 'invalid_grant', detail };
}
