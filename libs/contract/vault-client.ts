import type { Dispatcher } from 'undici';
import { z } from 'zod';
import { askedAgain, codeOf } from './asked-again.js';
import type { ClientAssertions } from './client-assertion.js';
import { configSnapshot, type ConfigSnapshot } from './config-snapshot.js';
import type { VaultEvent } from './events.js';
import {
  accessTokenType,
  clientAssertionType,
  tokenExchangeGrant,
  interactionState,
  type ExchangeRequest,
  type InteractionState,
  type ServiceTokenRequest,
} from './exchange.js';
import { boundedText } from './bounded-text.js';
import { eventsOf } from './vault-event-stream.js';
import { parsedJson, reportOutcome, tokenOutcome, unavailable } from './vault-answers.js';
import type { ReportOutcome, TokenOutcome, VaultUnavailable, WireAnswer } from './vault-answers.js';

export type ConfigOutcome =
  | {
      readonly kind: 'snapshot';
      readonly snapshot: ConfigSnapshot;
      readonly etag: string | undefined;
    }
  | { readonly kind: 'unchanged' }
  | VaultUnavailable;

/** `events` ends when the connection does, for whatever reason; it never throws. */
export type EventsOutcome =
  | { readonly kind: 'stream'; readonly events: AsyncGenerator<VaultEvent, void> }
  | VaultUnavailable;

export interface VaultClientOptions {
  /** Where the vault is reached; its issuer name is what its metadata says. */
  readonly url: string;
  readonly assertions: ClientAssertions;
  readonly dispatcher: Dispatcher;
  readonly timeoutMs?: number;
  /** Told the vault's time when its metadata is read: epoch milliseconds, good to half a second, true now. */
  readonly onTime?: (epochMs: number) => void;
  /** A stream without a heartbeat for this long is dead. */
  readonly streamSilenceMs?: number;
}

const metadata = z.object({ issuer: z.string() });

interface TimedAnswer extends WireAnswer {
  readonly etag: string | undefined;
  /** The `Date` header, whole seconds; NaN without one. */
  readonly dateMs: number;
}

interface Question {
  readonly method: 'GET' | 'POST' | 'DELETE';
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

/** The vault as a gateway sees it. Every outcome is a value; nothing here throws but `jwks`. */
export class VaultClient {
  readonly #options: VaultClientOptions;
  readonly #origin: string;
  #issuer: Promise<string> | undefined;

  constructor(options: VaultClientOptions) {
    this.#options = options;
    this.#origin = new URL(options.url).origin;
  }

  /** Ends open connections, the event stream included. */
  async close(): Promise<void> {
    await this.#options.dispatcher.destroy();
  }

  /** RFC 8693 token exchange for one caller and one upstream. */
  exchange(wanted: ExchangeRequest): Promise<TokenOutcome> {
    const form = new URLSearchParams({
      grant_type: tokenExchangeGrant,
      subject_token: wanted.subjectToken,
      subject_token_type: accessTokenType,
      audience: wanted.audience,
      interaction: wanted.interaction,
    });
    if (wanted.scopes && wanted.scopes.length > 0) form.set('scope', wanted.scopes.join(' '));
    if (wanted.interactionId !== undefined) form.set('interaction_id', wanted.interactionId);
    if (wanted.rejectedTokenSha256 !== undefined)
      form.set('rejected_token_sha256', wanted.rejectedTokenSha256);
    if (wanted.clientInfoName !== undefined) form.set('client_info_name', wanted.clientInfoName);
    return this.#token(form, wanted.trace);
  }

  /** A credential that is nobody's own, for one upstream and purpose (RFC 6749 §4.4). */
  serviceToken({
    audience,
    purpose,
    rejectedTokenSha256,
  }: ServiceTokenRequest): Promise<TokenOutcome> {
    const form = new URLSearchParams({ grant_type: 'client_credentials', audience, purpose });
    if (rejectedTokenSha256 !== undefined) form.set('rejected_token_sha256', rejectedTokenSha256);
    return this.#token(form);
  }

  /** The configuration snapshot, or `unchanged` where `etag` is still its tag. */
  async config(etag?: string): Promise<ConfigOutcome> {
    const headers: Record<string, string> = etag === undefined ? {} : { 'if-none-match': etag };
    const answer = await this.#authenticated({
      method: 'GET',
      path: '/gateway/v1/config',
      headers,
    });
    if ('kind' in answer) return answer;
    if (answer.status === 304) return { kind: 'unchanged' };
    if (answer.status !== 200)
      return unavailable(`the vault answered ${answer.status}`, answer.retryAfter);
    const parsed = configSnapshot.safeParse(parsedJson(answer.body));
    if (!parsed.success)
      return unavailable(`the configuration is not understood: ${firstIssue(parsed.error)}`);
    return { kind: 'snapshot', snapshot: parsed.data, etag: answer.etag };
  }

  /** RFC 7517: the public keys of the vault's own tokens. Throws where the vault is not reached. */
  async jwks(): Promise<{ status: number; body: Buffer }> {
    const { status, body } = await this.#ask({ method: 'GET', path: '/oauth2/jwks' });
    return { status, body: Buffer.from(body) };
  }

  /** Opens the stream of changes; it lives until `signal` aborts or the vault goes. */
  async events(signal: AbortSignal): Promise<EventsOutcome> {
    try {
      const response = await this.#request(
        { method: 'GET', path: '/gateway/v1/events' },
        await this.#bearer(),
        {
          signal,
          bodyTimeout: this.#options.streamSilenceMs ?? 5000,
        },
      );
      if (response.statusCode !== 200) {
        await response.body.dump();
        if (response.statusCode === 401) this.#forget();
        return unavailable(`the vault answered ${response.statusCode} to the event stream`);
      }
      return { kind: 'stream', events: eventsOf(response.body) };
    } catch (error) {
      return unavailable(reasonOf(error));
    }
  }

  /** How an interaction stands; undefined where the vault does not say. */
  async interaction(id: string): Promise<InteractionState | undefined> {
    const path = `/interactions/${encodeURIComponent(id)}`;
    const answer = await this.#authenticated({ method: 'GET', path });
    if ('kind' in answer || answer.status !== 200) return undefined;
    return interactionState.safeParse(parsedJson(answer.body)).data;
  }

  /** The person said no to the client: ends the interaction; answers why where it could not. */
  async withdraw(interactionId: string): Promise<VaultUnavailable | undefined> {
    const path = `/interactions/${encodeURIComponent(interactionId)}`;
    const answer = await this.#authenticated({ method: 'DELETE', path });
    if ('kind' in answer) return answer;
    return answer.status < 300 ? undefined : unavailable(`the vault answered ${answer.status}`);
  }

  /** Tells all replicas that a legacy MCP session is over; answers why where it could not. */
  async endSession(nonce: string): Promise<VaultUnavailable | undefined> {
    const answer = await this.#authenticated({
      method: 'POST',
      path: '/gateway/v1/sessions/ended',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ nonce }),
    });
    if ('kind' in answer) return answer;
    return answer.status < 300
      ? undefined
      : unavailable(`the vault answered ${answer.status}`, answer.retryAfter);
  }

  /** Tells the vault what this gateway refused or saw (gateway-reports); `body` is the answer's JSON. */
  async report(
    path: '/gateway/v1/decisions' | '/gateway/v1/tools',
    report: object,
  ): Promise<ReportOutcome> {
    const headers = { 'content-type': 'application/json' };
    const body = JSON.stringify(report);
    const answer = await this.#authenticated({ method: 'POST', path, headers, body });
    return 'kind' in answer ? answer : reportOutcome(answer);
  }

  async #token(form: URLSearchParams, trace?: readonly string[]): Promise<TokenOutcome> {
    const outcome = await this.#tokenOnce(form, trace);
    // The key or the vault's name may have changed since the assertion was made.
    if (outcome.kind !== 'refused' || outcome.error !== 'invalid_client') return outcome;
    this.#forget();
    return this.#tokenOnce(form, trace);
  }

  async #tokenOnce(form: URLSearchParams, trace: readonly string[] = []): Promise<TokenOutcome> {
    try {
      form.set('client_assertion_type', clientAssertionType);
      form.set('client_assertion', await this.#assertion());
      const headers: Record<string, string> = {
        'content-type': 'application/x-www-form-urlencoded',
      };
      for (let i = 0; i < trace.length; i += 2) headers[trace[i] ?? ''] = trace[i + 1] ?? '';
      return tokenOutcome(
        await this.#ask({ method: 'POST', path: '/oauth2/token', headers, body: form.toString() }),
      );
    } catch (error) {
      return unavailable(reasonOf(error));
    }
  }

  async #authenticated(question: Question): Promise<TimedAnswer | VaultUnavailable> {
    try {
      const answer = await this.#ask(question, await this.#bearer());
      if (answer.status !== 401) return answer;
      this.#forget();
      return await this.#ask(question, await this.#bearer());
    } catch (error) {
      return unavailable(reasonOf(error));
    }
  }

  async #ask(question: Question, bearer?: string): Promise<TimedAnswer> {
    const response = await askedAgain(() => this.#request(question, bearer));
    const { 'retry-after': retryAfter, etag, date } = response.headers;
    return {
      status: response.statusCode,
      retryAfter: typeof retryAfter === 'string' ? retryAfter : undefined,
      etag: typeof etag === 'string' ? etag : undefined,
      dateMs: typeof date === 'string' ? Date.parse(date) : NaN,
      body: await boundedText(response.body),
    };
  }

  #request(
    { method, path, headers, body }: Question,
    bearer: string | undefined,
    limits: { signal?: AbortSignal; bodyTimeout?: number } = {},
  ): Promise<Dispatcher.ResponseData> {
    const { dispatcher, timeoutMs = 30_000 } = this.#options;
    const authorization = bearer === undefined ? {} : { authorization: `Bearer ${bearer}` };
    // By the dispatcher's own method and member by member: copies that are grown have a hidden class each (V8 11).
    return dispatcher.request({
      origin: this.#origin,
      path,
      method,
      headers: { ...headers, ...authorization },
      body: body ?? null,
      signal: limits.signal,
      headersTimeout: timeoutMs,
      bodyTimeout: limits.bodyTimeout ?? timeoutMs,
    });
  }

  #bearer(): Promise<string> {
    return this.#assertion();
  }

  async #assertion(): Promise<string> {
    this.#issuer ??= this.#fetchIssuer();
    try {
      return await this.#options.assertions.for(await this.#issuer);
    } catch (error) {
      this.#issuer = undefined;
      throw error;
    }
  }

  async #fetchIssuer(): Promise<string> {
    const answer = await this.#ask({
      method: 'GET',
      path: '/.well-known/oauth-authorization-server',
    });
    const parsed = metadata.safeParse(parsedJson(answer.body));
    if (answer.status !== 200 || !parsed.success)
      throw new Error('the vault publishes no issuer name');
    // R12: whose own clock is off could not sign an assertion that counts, nor hear heartbeats that set it right.
    if (!Number.isNaN(answer.dateMs)) this.#options.onTime?.(answer.dateMs + 500);
    return parsed.data.issuer;
  }

  #forget(): void {
    this.#issuer = undefined;
    this.#options.assertions.drop();
  }
}

function firstIssue(error: z.ZodError): string {
  const issue = error.issues[0];
  return issue ? `${issue.path.join('.')}: ${issue.message}` : 'unknown';
}

function reasonOf(error: unknown): string {
  return `the vault cannot be reached (${codeOf(error) || (error instanceof Error ? error.message : 'unknown')})`;
}
