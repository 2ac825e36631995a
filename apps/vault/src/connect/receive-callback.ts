import type { CrashPoint } from '../database/crash-point.js';
import type { RefusalCause } from '../interactions/postgres-interaction-store.js';
import type { Provider, ProviderFailure, Providers } from '../providers/provider.js';
import type { Registry } from '../registry/registry-snapshot.js';
import { isSamePerson } from '../sessions/web-session.js';
import type { WebSession } from '../sessions/web-session.js';
import { hashOf } from '../web/opaque.js';
import type { CompleteConsent } from './complete-consent.js';
import type { ConsentRequest, ConsentRequests } from './consent-requests.js';
import type { ConsentStores } from './consent-stores.js';
import { isOtherAccount } from './domain/trip.js';
import { holdUnconfirmed } from './hold-unconfirmed.js';
import type { Authorization } from './postgres-authorization-store.js';
import { refusalCause } from './refusal-cause.js';

export interface Callback {
  /** The oauth client in the redirect URI; each has its own (row 9). */
  readonly slug: string;
  /** The address that the browser came to, on our public URL. */
  readonly url: URL;
  readonly session: WebSession | undefined;
  readonly isSameBrowser: (authorization: Authorization) => boolean;
  readonly requestId: string;
}

export type CallbackOutcome =
  /** Whatever happened, the page of the interaction tells it. */
  | { readonly kind: 'told'; readonly interactionId: string }
  /** Unknown, used, too old, another browser, session or oauth client. */
  | { readonly kind: 'invalid' }
  | { readonly kind: 'other-person' }
  /** The answer is not good: wrong `iss`, foreign code. */
  | { readonly kind: 'refused'; readonly request: ConsentRequest; readonly detail: string };

/** The parts of a consent's end that talk to somebody else. */
export interface CallbackParts {
  readonly registry: Registry;
  readonly providers: Providers;
  readonly completeConsent: CompleteConsent;
  readonly crashPoint: CrashPoint;
  /** Told why a provider gave nothing; for the log. */
  readonly onFailure: (failure: ProviderFailure, callback: Callback) => void;
  /** Told of a callback that is not for whoever sent it; for the log. */
  readonly onStray: (kind: 'invalid' | 'other-person', callback: Callback) => void;
}

/** The browser comes back from the provider. */
export class ReceiveCallback {
  constructor(
    private readonly stores: ConsentStores,
    private readonly requests: ConsentRequests,
    private readonly parts: CallbackParts,
  ) {}

  async receive(callback: Callback): Promise<CallbackOutcome> {
    const outcome = await this.#take(callback);
    const { kind } = outcome;
    if (kind === 'invalid' || kind === 'other-person') this.parts.onStray(kind, callback);
    return outcome;
  }

  async #take(callback: Callback): Promise<CallbackOutcome> {
    const state = callback.url.searchParams.get('state') ?? '';
    const authorization = await this.stores.authorizations.use(hashOf(state));
    if (!authorization) return this.#again(state, callback.session);
    const refusal = this.#check(authorization, callback);
    if (refusal) return refusal;
    const found = await this.stores.interactions.byId(authorization.interactionId);
    const request = await this.requests.of(authorization, found);
    if (!request) return { kind: 'invalid' };
    const { status, version } = request.interaction;
    if (status === 'pending' && version === authorization.interactionVersion)
      return this.#redeem({ authorization, request, state, callback });
    return { kind: 'told', interactionId: request.interaction.id };
  }

  /** A second tab, a reload: the person who began it sees how it went; anybody else learns nothing. */
  async #again(state: string, session: WebSession | undefined): Promise<CallbackOutcome> {
    if (!session) return { kind: 'invalid' };
    const id = await this.stores.authorizations.interactionOf(hashOf(state), session.hash);
    return id === undefined ? { kind: 'invalid' } : { kind: 'told', interactionId: id };
  }

  #check(authorization: Authorization, callback: Callback): CallbackOutcome | undefined {
    const { slug, session, isSameBrowser } = callback;
    const oauthClient = this.parts.registry.current().oauthClient(slug);
    if (oauthClient?.id !== authorization.oauthClientId) return { kind: 'invalid' };
    if (!session) return { kind: 'invalid' };
    if (!isSamePerson(session, authorization)) return { kind: 'other-person' };
    if (!session.hash.equals(authorization.sessionHash)) return { kind: 'invalid' };
    if (!isSameBrowser(authorization)) return { kind: 'invalid' };
    return undefined;
  }

  async #redeem(arrival: Arrival): Promise<CallbackOutcome> {
    const { authorization, request, state, callback } = arrival;
    if (request.oauthClient === undefined) return { kind: 'invalid' };
    const provider = this.parts.providers.of(request.oauthClient);
    const result = await provider.redeem(callback.url, { ...authorization, state });
    this.parts.crashPoint('after-token-answer');
    if (!result.ok) return this.#refused(arrival, result);
    const account = await provider.account(result.tokens);
    const { scopes, resource, interactionVersion: version } = authorization;
    const brought = { tokens: result.tokens, account, scopes, resource };
    const { interaction, grant } = request;
    const told = { kind: 'told', interactionId: interaction.id } as const;
    const held = grant && { status: grant.status, accountSubject: grant.account?.subject };
    if (held && isOtherAccount(held, account?.subject)) {
      if (!(await holdUnconfirmed(this.stores, request, { version, brought })))
        await discard(provider, brought);
      return told;
    }
    const { requestId } = callback;
    const stored = await this.parts.completeConsent.complete({
      request,
      version,
      brought,
      requestId,
    });
    this.parts.crashPoint('after-commit');
    if (!stored) await discard(provider, brought);
    return told;
  }

  async #refused(arrival: Arrival, failure: ProviderFailure): Promise<CallbackOutcome> {
    const { request, callback } = arrival;
    this.parts.onFailure(failure, callback);
    const error = callback.url.searchParams.get('error');
    if (error === null && failure.code === 'invalid_grant')
      return { kind: 'refused', request, detail: failure.detail };
    const cause: RefusalCause = refusalCause(error, failure.code);
    const { id } = request.interaction;
    await this.stores.interactions.noteRefusal(id, { cause, requestId: callback.requestId });
    return { kind: 'told', interactionId: id };
  }
}

interface Arrival {
  readonly authorization: Authorization;
  readonly request: ConsentRequest;
  readonly state: string;
  readonly callback: Callback;
}

type Brought = Parameters<ConsentStores['unconfirmed']['put']>[2];

/** Tokens that nobody will use are ended where they came from, as far as the provider lets us. */
export async function discard(
  provider: Provider,
  { tokens }: Pick<Brought, 'tokens'>,
): Promise<void> {
  if (tokens.refreshToken) await provider.revoke(tokens.refreshToken, 'refresh_token');
  await provider.revoke(tokens.accessToken, 'access_token');
}
