import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Clock } from '#lib/clock/clock';
import type { PacedRequests } from '../grants/paced-requests.js';
import { backoffSeconds } from '../grants/domain/grant.js';
import type { VaultLogger } from '../log-events.js';
import type { ClientTokenOptions, ProviderFailure } from '../providers/provider.js';
import type { TokenSet } from '../providers/token-set.js';
import type { OAuthClient } from '../registry/domain/oauth-client.js';
import type { Stored } from '../registry/registry-snapshot.js';

export interface ClientTokenWanted extends ClientTokenOptions {
  readonly oauthClient: Stored<OAuthClient>;
  /** SHA-256 of the token that the upstream refused. */
  readonly rejectedSha256: Buffer | undefined;
}

export type ClientTokenResult =
  | { readonly ok: true; readonly tokens: TokenSet; readonly expiresAt: number }
  | { readonly ok: false; readonly retryAfterSeconds: number };

interface Kept {
  /** Of the oauth client: a registration that changed has no tokens yet. */
  readonly version: number;
  readonly tokens?: TokenSet;
  /** Epoch seconds, as the server said or as is assumed. */
  readonly expiresAt: number;
  readonly refreshAfter: number;
  readonly failures: number;
  /** The server is left alone until then. */
  readonly pausedUntil: number;
}

type Flight = Promise<Kept>;

// Where the server names no lifetime.
const assumedSeconds = 300;
// The vault asks for another token than the one that was refused at most so often.
const forceSeconds = 60;
const mostKept = 1000;
const nothing = { expiresAt: 0, refreshAfter: 0, failures: 0, pausedUntil: 0 };

/**
 * Our own tokens at authorization servers (RFC 6749 §4.4). Kept in this process alone: they cost one request and stand
 * for nobody's consent. One request at a time for each; renewed ahead of its end, and served to its end while the
 * server is away.
 */
export class ClientTokens {
  readonly #kept = new Map<string, Kept>();
  readonly #flights = new Map<string, Flight>();

  constructor(
    private readonly requests: PacedRequests,
    private readonly clock: Clock,
    private readonly logger: VaultLogger,
    /** Tells the administrator of the registration, in public words; without any: it is good again. */
    private readonly note: (oauthClientId: string, failure: string | undefined) => Promise<void>,
  ) {}

  async get(wanted: ClientTokenWanted): Promise<ClientTokenResult> {
    const key = keyOf(wanted);
    const kept = this.#keptAt(key, wanted);
    const now = this.clock.now();
    const usable = kept.tokens !== undefined && now < kept.expiresAt - leastLeft(kept);
    if (usable && this.#isGood(kept, wanted)) return served(kept, now);
    const isRefused = isRejected(kept, wanted);
    // Asked anew a moment ago and refused again: another one would be no better.
    if (usable && isRefused && now - (kept.tokens?.issuedAt ?? 0) < forceSeconds)
      return served(kept, now);
    if (now < kept.pausedUntil) return usable && !isRefused ? served(kept, now) : paused(kept, now);
    const flight = this.#flight(key, wanted, kept);
    const fresh = usable && !isRefused ? await within(flight, 1000) : await flight;
    return served(fresh ?? kept, this.clock.now());
  }

  #isGood(kept: Kept, wanted: ClientTokenWanted): boolean {
    return !isRejected(kept, wanted) && this.clock.now() < kept.refreshAfter;
  }

  #keptAt(key: string, { oauthClient }: ClientTokenWanted): Kept {
    const kept = this.#kept.get(key);
    return kept?.version === oauthClient.version
      ? kept
      : { version: oauthClient.version, ...nothing };
  }

  #flight(key: string, wanted: ClientTokenWanted, before: Kept): Flight {
    const flightKey = `${key} ${before.version}`;
    const running = this.#flights.get(flightKey);
    if (running) return running;
    const flight = this.#renew(key, wanted, before).finally(() => this.#flights.delete(flightKey));
    this.#flights.set(flightKey, flight);
    return flight;
  }

  async #renew(key: string, wanted: ClientTokenWanted, before: Kept): Promise<Kept> {
    const { oauthClient, scopes, resource } = wanted;
    const result = await this.requests.ask(oauthClient, (provider) =>
      provider.clientCredentials({ scopes, resource }),
    );
    const { version } = before;
    const after = result.ok ? keptOf(result.tokens, version) : this.#failed(wanted, before, result);
    if (result.ok && before.failures > 0) this.#tell(oauthClient.id, undefined);
    const current = this.#kept.get(key);
    // One that was begun for an older registration is not kept in the place of a newer one's.
    if (current === undefined || current.version <= version) this.#kept.set(key, after);
    if (this.#kept.size > mostKept) this.#kept.clear();
    return after;
  }

  /** Nobody waits for it, and nothing fails with it. */
  #tell(oauthClientId: string, failure: string | undefined): void {
    this.note(oauthClientId, failure).catch((err: unknown) =>
      this.logger.error({ event: 'service_token.failed', oauthClientId, err }),
    );
  }

  #failed({ oauthClient }: ClientTokenWanted, before: Kept, failure: ProviderFailure): Kept {
    const { code, detail } = failure;
    this.logger.warn({
      event: 'service_token.failed',
      oauthClient: oauthClient.document.slug,
      code,
      detail,
    });
    if (code === 'misconfigured') this.#tell(oauthClient.id, refusedBecause(detail));
    // What an administrator must put right will not right itself within seconds.
    const asked = failure.code === 'transient' ? failure.retryAfterSeconds : 30;
    const failures = before.failures + 1;
    const pausedUntil = this.clock.now() + backoffSeconds(failures, asked, Math.random());
    return { ...before, failures, pausedUntil };
  }
}

function refusedBecause(detail: string): string {
  return `The authorization server gives no token of our own (client_credentials): ${detail}.`;
}

function keptOf(tokens: TokenSet, version: number): Kept {
  const lifetime = (tokens.expiresAt ?? tokens.issuedAt + assumedSeconds) - tokens.issuedAt;
  return {
    ...nothing,
    version,
    tokens,
    expiresAt: tokens.issuedAt + lifetime,
    refreshAfter: tokens.issuedAt + lifetime * 0.75,
  };
}

/** Never handed out with less than min(15 s, 20 %) of its life, except that it is all there is. */
function leastLeft({ tokens, expiresAt, failures }: Kept): number {
  if (tokens === undefined || failures > 0) return 1;
  return Math.min(15, (expiresAt - tokens.issuedAt) * 0.2);
}

function isRejected({ tokens }: Kept, { rejectedSha256 }: ClientTokenWanted): boolean {
  if (tokens === undefined || rejectedSha256 === undefined) return false;
  return createHash('sha256').update(tokens.accessToken.reveal()).digest().equals(rejectedSha256);
}

function served(kept: Kept, now: number): ClientTokenResult {
  const { tokens, expiresAt } = kept;
  return tokens !== undefined && now < expiresAt
    ? { ok: true, tokens, expiresAt }
    : paused(kept, now);
}

function paused({ pausedUntil }: Kept, now: number): ClientTokenResult {
  return { ok: false, retryAfterSeconds: Math.max(1, Math.ceil(pausedUntil - now)) };
}

function within(flight: Flight, ms: number): Promise<Kept | undefined> {
  return Promise.race([flight, sleep(ms, undefined, { ref: false })]);
}

function keyOf({ oauthClient, scopes, resource }: ClientTokenWanted): string {
  return JSON.stringify([oauthClient.id, resource ?? '', scopes]);
}
