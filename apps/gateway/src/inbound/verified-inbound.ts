import type {
  ApplicationConfig,
  IssuerConfig,
  UpstreamConfig,
} from '#lib/contract/config-snapshot';
import { routeAudience, type AcceptableAudience, type RoutePath } from '#lib/jwt/audience';
import type { Caller, Verification } from '#lib/jwt/caller';
import type { AskTurn } from '#lib/jwt/signature-turn';
import { decideAccess } from '#lib/access/access-rule';
import { decideApplication } from '#lib/access/application-rule';
import type { CallRequest } from '../connection/exchange.js';
import { bearerCredentials, isToken68 } from './bearer.js';
import { type BroughtToken, broughtToken } from './brought-token.js';
import { wwwAuthenticate, type Challenge } from './challenge.js';
import type { Admitted, Inbound, Refusal } from './inbound.js';
import { peerOf } from './peer-of.js';
import { malformedRequest } from './request-checks.js';
import { challengeScopes, metadataUrl } from './resource-metadata.js';
import type { RefusedTokens } from './refused-tokens.js';
import { SharedClaims } from './shared-claims.js';
import type { SignatureTurns } from './signature-turns.js';
import type { Verdict, VerifiedTokens } from './verified-tokens.js';

export interface VerifiedInboundOptions {
  readonly publicUrl: string;
  readonly origins: readonly string[];
  readonly verifier: {
    verify(
      token: string,
      acceptable: AcceptableAudience,
      turn: AskTurn,
    ): Verification | Promise<Verification>;
  };
  readonly turns: Pick<SignatureTurns, 'ask'>;
  readonly verified: VerifiedTokens;
  readonly refused: RefusedTokens;
  readonly catalogue: {
    readonly ready: boolean;
    readonly issuers: readonly IssuerConfig[];
    readonly applications: readonly ApplicationConfig[];
    readonly signInIssuer?: string | undefined;
    readonly askedClaims: ReadonlySet<string>;
  };
}

interface Route {
  readonly resourcePath: string;
  readonly upstream: UpstreamConfig | undefined;
  readonly admitsGuests: boolean;
}

const retryAfterSeconds = 5;
/** Spread, lest those who were sent away come back together. */
const longestWaitSeconds = 4;
const noToken = 'Send an access token as Authorization: Bearer.';

/** Callers by their issuer's JWT. A token that was seen before is admitted without a promise. */
export class VerifiedInbound implements Inbound {
  readonly #options: VerifiedInboundOptions;
  readonly #origins: ReadonlySet<string>;
  readonly #shared = new SharedClaims();

  constructor(options: VerifiedInboundOptions) {
    this.#options = options;
    this.#origins = new Set(options.origins);
  }

  refuseMalformed(request: CallRequest): Refusal | undefined {
    return malformedRequest(request, this.#origins);
  }

  admit(
    request: CallRequest,
    resourcePath: string,
    upstream: UpstreamConfig | undefined,
    admitsGuests = false,
  ): Admitted | Refusal | Promise<Admitted | Refusal> {
    const admission = this.#admit(request, { resourcePath, upstream, admitsGuests });
    if (upstream?.callerHeader === undefined) return admission;
    const withBrought = (judged: Admitted | Refusal) =>
      this.#withBrought(request, upstream, judged);
    return admission instanceof Promise ? admission.then(withBrought) : withBrought(admission);
  }

  brought(request: CallRequest, upstream: UpstreamConfig, token: string): BroughtToken | undefined {
    return broughtToken(request, upstream, token, this.#options.catalogue);
  }

  #withBrought(
    request: CallRequest,
    upstream: UpstreamConfig,
    admission: Admitted | Refusal,
  ): Admitted | Refusal {
    // Whoever may use but what is public uses it with what is lent for that.
    if (!admission.ok || admission.lacking !== undefined) return admission;
    const brought = this.brought(request, upstream, admission.token);
    if (brought === undefined) return admission;
    return brought.kind === 'token'
      ? { ...admission, brought: brought.token }
      : { ok: false, status: 400, code: 'invalid-request', detail: brought.detail, headers: {} };
  }

  #admit(request: CallRequest, route: Route): Admitted | Refusal | Promise<Admitted | Refusal> {
    const { resourcePath } = route;
    const token = bearerCredentials(request.headers.authorization);
    if (token === undefined) return this.#withoutToken(request, resourcePath);
    const key = this.#options.verified.keyOf(token, resourcePath);
    const known = this.#options.verified.find(key);
    if (known) return answer(known, token);
    if (!isToken68(token)) return this.#withoutToken(request, resourcePath);
    return this.#options.refused.find(key) ?? this.#verify(token, key, route, request);
  }

  async #verify(
    token: string,
    key: string,
    route: Route,
    request: CallRequest,
  ): Promise<Admitted | Refusal> {
    const { resourcePath } = route;
    const { verifier, turns, verified, refused, publicUrl, catalogue } = this.#options;
    if (!catalogue.ready) return unavailable('This gateway has no configuration yet.');
    const { generation } = verified;
    const verification = await verifier.verify(
      token,
      routeAudience(publicUrl, resourcePath as RoutePath),
      () => turns.ask({ network: peerOf(request), connection: request.socket }),
    );
    if (!verification.ok) {
      if (verification.reason === 'busy')
        return unavailable(verification.detail, 1 + Math.floor(Math.random() * longestWaitSeconds));
      if (verification.transient)
        return unavailable("The issuer's keys cannot be read at the moment.");
      const refusal = this.#unauthorized(resourcePath, 'invalid-token', verification.detail);
      refused.put(key, refusal, { reason: verification.reason, generation });
      return refusal;
    }
    const caller = this.#shared.share(verification.caller, catalogue.askedClaims);
    const verdict = this.#verdictOn(caller, route);
    verified.put(key, verdict, generation);
    return answer(verdict, token);
  }

  needs(resourcePath: string, scopes: readonly string[], caller?: Caller): Refusal {
    const { issuers } = this.#options.catalogue;
    if (caller === undefined)
      return this.#unauthorized(resourcePath, 'unauthenticated', noToken, scopes);
    const base = issuers.find(({ slug }) => slug === caller.issuer)?.baseScopes ?? [];
    return this.#insufficientScope(resourcePath, [...base, ...scopes]);
  }

  #verdictOn(caller: Caller, { resourcePath, upstream, admitsGuests }: Route): Verdict {
    const refusal = this.#refusalOf(caller, resourcePath);
    if (refusal !== undefined || upstream === undefined) return { caller, refusal };
    const lacking = this.#accessRefusal(caller, resourcePath, upstream);
    return admitsGuests ? { caller, refusal, lacking } : { caller, refusal: lacking };
  }

  #refusalOf(caller: Caller, resourcePath: string): Refusal | undefined {
    const issuer = this.#options.catalogue.issuers.find(({ slug }) => slug === caller.issuer);
    if (!issuer)
      return this.#unauthorized(
        resourcePath,
        'invalid-token',
        'The issuer of the token is not known.',
      );
    const application = decideApplication(
      caller.application,
      issuer,
      this.#options.catalogue.applications,
    );
    if (application === 'known' || application === 'unknown') return undefined;
    const refusal =
      application === 'blocked'
        ? forbidden('This application is blocked.')
        : forbidden('This application is not registered here.');
    return { ...refusal, denied: { caller, because: 'application' } };
  }

  #accessRefusal(
    caller: Caller,
    resourcePath: string,
    upstream: UpstreamConfig,
  ): Refusal | undefined {
    const access = decideAccess(caller, upstream.access);
    if (access.kind === 'allowed') return undefined;
    const refusal =
      access.kind === 'claims'
        ? forbidden('You may not use this service.')
        : this.needs(resourcePath, access.scopes, caller);
    return { ...refusal, denied: { caller, because: access.kind } };
  }

  #insufficientScope(resourcePath: string, needed: readonly string[]): Refusal {
    const scopes = [...new Set(needed)].filter((scope) => scope !== 'offline_access');
    return {
      ok: false,
      status: 403,
      code: 'insufficient-scope',
      detail: `This call needs a token with the scopes: ${scopes.join(' ')}.`,
      headers: this.#challenge(resourcePath, { error: 'insufficient_scope', scopes }),
    };
  }

  #withoutToken(request: CallRequest, resourcePath: string): Refusal {
    if (request.headers.authorization === undefined)
      return this.#unauthorized(resourcePath, 'unauthenticated', noToken);
    return this.#unauthorized(
      resourcePath,
      'invalid-token',
      'The Authorization header holds no bearer token.',
    );
  }

  #unauthorized(
    resourcePath: string,
    code: 'unauthenticated' | 'invalid-token',
    detail: string,
    beside: readonly string[] = [],
  ): Refusal {
    const error =
      code === 'invalid-token' ? { error: 'invalid_token' as const, description: detail } : {};
    const scopes = challengeScopes(this.#options.catalogue.issuers, beside);
    return {
      ok: false,
      status: 401,
      code,
      detail,
      headers: this.#challenge(resourcePath, { ...error, scopes }),
    };
  }

  #challenge(
    resourcePath: string,
    challenge: Omit<Challenge, 'resourceMetadata'>,
  ): Record<string, string> {
    const resourceMetadata = metadataUrl(this.#options.publicUrl, resourcePath);
    return { 'www-authenticate': wwwAuthenticate({ ...challenge, resourceMetadata }) };
  }
}

function answer({ caller, refusal, lacking }: Verdict, token: string): Admitted | Refusal {
  return refusal ?? { ok: true, caller, token, lacking };
}

function forbidden(detail: string): Refusal {
  return { ok: false, status: 403, code: 'forbidden', detail, headers: {} };
}

function unavailable(detail: string, waitSeconds = retryAfterSeconds): Refusal {
  const headers = { 'retry-after': String(waitSeconds) };
  return { ok: false, status: 503, code: 'temporarily-unavailable', detail, headers };
}
