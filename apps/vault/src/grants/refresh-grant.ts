import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { CrashPoint } from '../database/crash-point.js';
import type { LivenessLock, PostgresAdvisoryLocks } from '../database/postgres-advisory-locks.js';
import type { VaultEvent, VaultLogger } from '../log-events.js';
import type { Provider, ProviderFailure, Providers, TokenResult } from '../providers/provider.js';
import type { RequestSlots, Slot } from '../providers/request-slots.js';
import type { RefreshRules } from '../registry/domain/oauth-client.js';
import type { Registry } from '../registry/registry-snapshot.js';
import { backoffSeconds } from './domain/grant.js';
import { leaseSeconds } from './domain/lease.js';
import { finishedByAnother, finishedMeanwhile } from './other-attempt.js';
import type { GrantSeen } from './postgres-due-grants.js';
import type { Answer, Attempt, PostgresRefreshStore } from './postgres-refresh-store.js';
import type { ProviderCircuits } from './provider-circuits.js';
import { RefreshLease } from './refresh-lease.js';
import type { RefreshPolicies } from './refresh-policies.js';
import type { RefreshOutcomes } from './refresh-outcomes.js';
import { refreshParameters, type TokenTarget } from './token-target.js';

export interface RefreshRequest {
  /** `tokenVersion` as read when the need was seen; if it has changed since, somebody else has done it. */
  readonly grant: GrantSeen;
  readonly target: TokenTarget;
  /** The upstream refused the current token: at most once a minute. */
  readonly force: boolean;
  /** The test of a recovery (recovery/test-grants.ts). */
  readonly isTest?: boolean;
}

/** What the caller does next: read and decide again, or live without a new token for so long. */
export type RefreshResult =
  | { readonly did: 'change' }
  | { readonly did: 'nothing'; readonly because: 'failed'; readonly retryAfterSeconds: number }
  | { readonly did: 'nothing'; readonly because: 'too-soon' };

export interface RefreshParts {
  readonly store: PostgresRefreshStore;
  readonly outcomes: RefreshOutcomes;
  readonly locks: PostgresAdvisoryLocks;
  readonly slots: RequestSlots;
  readonly circuits: ProviderCircuits;
  readonly policies: RefreshPolicies;
  readonly providers: Providers;
  readonly registry: Registry;
  readonly crashPoint: CrashPoint;
  readonly logger: VaultLogger;
}

interface Flight {
  readonly result: Promise<RefreshResult>;
  readonly startedMs: number;
}

const pollMs = 100;
// A refresh ends by its HTTP deadline of 10 s; whoever wants the same waits no longer.
const patienceMs = 12_000;

/**
 * The one way in which a refresh token is used. At most one in flight per grant over all replicas: an advisory
 * lock says that its holder lives, the committed intent what it was doing and keeps others away for a moment even
 * if the lock is lost, and compare-and-set on the token columns' version decides whose answer counts. A refresh runs to its end whoever has stopped waiting for it.
 */
export class RefreshGrant {
  readonly #flights = new Map<string, Flight>();

  constructor(private readonly parts: RefreshParts) {}

  /** Without a `slot` of the caller's it waits for one. */
  refresh(request: RefreshRequest, slot?: Slot): Promise<RefreshResult> {
    return this.#flight(request, slot).result;
  }

  /** The same for a caller who can do without: undefined once the refresh has lasted `ms`. It goes on. */
  refreshWithin(request: RefreshRequest, ms: number): Promise<RefreshResult | undefined> {
    const { result, startedMs } = this.#flight(request);
    const leftMs = startedMs + ms - performance.now();
    return Promise.race([result, sleep(Math.max(leftMs, 0), undefined, { ref: false })]);
  }

  #flight(request: RefreshRequest, slot?: Slot): Flight {
    const { id } = request.grant;
    const test = `${id} test`;
    // A caller who is refused, because the grant is held, must not be taken for its test.
    const key = request.isTest === true ? test : id;
    const running = this.#flights.get(key) ?? this.#flights.get(test);
    if (running) return running;
    const result = this.#lead(request, slot).finally(() => this.#flights.delete(key));
    const flight = { result, startedMs: performance.now() };
    this.#flights.set(key, flight);
    return flight;
  }

  get inFlight(): number {
    return this.#flights.size;
  }

  /** Resolves when no refresh is in flight: a shutdown must not abandon a rotation. */
  async drain(): Promise<void> {
    while (this.#flights.size > 0)
      await Promise.allSettled([...this.#flights.values()].map(({ result }) => result));
  }

  async #lead(request: RefreshRequest, slot: Slot | undefined): Promise<RefreshResult> {
    const deadline = performance.now() + patienceMs;
    for (;;) {
      const lock = await this.parts.locks.tryLock(lockOf(request.grant));
      const result = lock && (await this.#asHolder(request, slot, lock));
      if (result && result !== 'leased') return result;
      if (performance.now() > deadline) return failed(1);
      await sleep(pollMs * (0.5 + Math.random()));
      const grant = await this.parts.store.read(request.grant);
      if (grant?.tokenVersion !== request.grant.tokenVersion) return { did: 'change' };
    }
  }

  async #asHolder(
    request: RefreshRequest,
    slot: Slot | undefined,
    lock: LivenessLock,
  ): Promise<RefreshResult | 'leased'> {
    try {
      if (slot) return await this.#inSlot(request, lock);
      const own = await this.#slotFor(request.grant.oauthClientId);
      if (own === undefined) return failed(2);
      return await this.#inSlot(request, lock).finally(() => own.release());
    } finally {
      await lock.release();
    }
  }

  /** While a provider fails, whoever comes second is told at once. */
  #slotFor(id: string): Promise<Slot | undefined> {
    const { circuits, policies, slots } = this.parts;
    const room = { id, limit: policies.of(id).maxConcurrentRequests };
    return circuits.isOpen(id) ? slots.takeProbe(room) : slots.take(room, patienceMs);
  }

  async #inSlot(request: RefreshRequest, lock: LivenessLock): Promise<RefreshResult | 'leased'> {
    // Lost while waiting for the slot: another replica may be at it.
    if (lock.lost) return failed(1);
    const { grant } = request;
    const { rules } = this.parts.policies.of(grant.oauthClientId);
    const lease = new RefreshLease(lock, {
      retake: () => this.parts.locks.tryLock(lockOf(grant)),
      ms: leaseSeconds(rules.graceSeconds) * 1000,
    });
    return this.#underLease(request, rules, lease).finally(() => lease.end());
  }

  async #underLease(
    { grant, target, force, isTest = false }: RefreshRequest,
    rules: RefreshRules,
    lease: RefreshLease,
  ): Promise<RefreshResult | 'leased'> {
    // Row 34, read before the token: what a changed registration suspends is never sent to where it leads now.
    const provider = this.#providerOf(grant);
    const intention = { attemptId: randomUUID(), force, isTest, rules };
    const beginning = await this.parts.store.begin(grant, intention);
    if (beginning.begun) return this.#attempt(beginning.attempt, { target, provider }, lease);
    if (beginning.because === 'leased') return 'leased';
    if (beginning.because === 'paused') return failed(beginning.seconds);
    return beginning.because === 'changed'
      ? ({ did: 'change' } as const)
      : ({ did: 'nothing', because: 'too-soon' } as const);
  }

  async #attempt(
    attempt: Attempt,
    { target, provider }: { target: TokenTarget; provider: Provider | undefined },
    lease: RefreshLease,
  ): Promise<RefreshResult> {
    const startedMs = performance.now();
    this.parts.crashPoint('refresh-after-intent');
    if (await finishedMeanwhile(this.parts.store, attempt)) return { did: 'change' };
    if (provider === undefined) return this.#postpone(attempt, noRegistration);
    const answer = await this.#ask(provider, attempt, target, lease.signal);
    this.parts.crashPoint('refresh-after-token-answer');
    if (answer.ok) {
      await this.#store(attempt, { target, tokens: answer.tokens }, provider);
      this.parts.crashPoint('refresh-after-commit');
      this.#log('grant.refreshed', attempt, { ms: Math.round(performance.now() - startedMs) });
      return { did: 'change' };
    }
    // Not postponed: whoever takes this attempt over tries at once.
    if (lease.signal.aborted) return failed(1);
    return answer.code === 'invalid_grant'
      ? this.#refused(attempt, lease, answer)
      : this.#postpone(attempt, answer);
  }

  /** What is thrown here (a secret that does not open) must not leave the attempt unfinished. */
  async #ask(
    provider: Provider,
    attempt: Attempt,
    target: TokenTarget,
    signal: AbortSignal,
  ): Promise<TokenResult> {
    try {
      const { refreshToken, dpopKey } = attempt;
      const [first, ...others] = refreshParameters(target, attempt.grant.grantedScopes);
      let answer = await provider.refresh(refreshToken, { ...first, dpopKey, signal });
      for (const parameters of others)
        if (isScopeRefused(answer))
          answer = await provider.refresh(refreshToken, { ...parameters, dpopKey, signal });
      return answer;
    } catch (error) {
      this.parts.logger.error({
        event: 'grant.refresh_broken',
        grantId: attempt.grant.id,
        err: error,
      });
      return { ok: false, code: 'misconfigured', detail: 'the call could not be made' };
    }
  }

  async #store(attempt: Attempt, answer: Answer, provider: Provider): Promise<void> {
    const stored = await this.parts.outcomes.succeed(attempt, answer);
    await this.parts.circuits.answered(attempt.grant.oauthClientId);
    const { refreshToken } = answer.tokens;
    if (stored !== undefined || refreshToken === undefined) return;
    // Disconnected while we asked: what the server just gave must not outlive that.
    const now = await this.parts.store.read(attempt.grant);
    if (now === undefined || now.status === 'revoked')
      await provider.revoke(refreshToken, 'refresh_token');
  }

  /** `invalid_grant` ends a grant only if nobody else can still bring a good answer for this version. */
  async #refused(
    attempt: Attempt,
    lease: RefreshLease,
    failure: ProviderFailure,
  ): Promise<RefreshResult> {
    // Without its connection a lock proves nothing: another replica may be using the same token.
    if (lease.wasLost) return this.#postpone(attempt, failure);
    await this.parts.circuits.answered(attempt.grant.oauthClientId);
    if (await finishedByAnother(this.parts.store, attempt)) return { did: 'change' };
    await this.parts.outcomes.declareDead(attempt);
    this.#log('grant.ended', attempt, { reason: failure.detail });
    return { did: 'change' };
  }

  async #postpone(attempt: Attempt, failure: ProviderFailure): Promise<RefreshResult> {
    // What an administrator must put right will not right itself within seconds.
    const least = failure.code === 'misconfigured' ? 30 : retryAfterOf(failure);
    const failures = attempt.grant.refreshFailures + 1;
    const seconds = backoffSeconds(failures, least, Math.random());
    await this.parts.store.postpone(attempt, seconds, `${failure.code}: ${failure.detail}`);
    await this.parts.circuits.failed(attempt.grant.oauthClientId, failure);
    this.#log('grant.refresh_failed', attempt, { code: failure.code, detail: failure.detail });
    return failed(Math.ceil(seconds));
  }

  #providerOf({ oauthClientId }: GrantSeen): Provider | undefined {
    const client = this.parts.registry.current().oauthClientById(oauthClientId);
    return client && this.parts.providers.of(client);
  }

  #log(event: VaultEvent, { grant }: Attempt, more: Record<string, unknown>): void {
    const client = this.parts.registry.current().oauthClientById(grant.oauthClientId);
    const oauthClient = client?.document.slug;
    this.parts.logger.info({ event, grantId: grant.id, oauthClient, ...more });
  }
}

function lockOf({ id }: GrantSeen): string {
  return `refresh/${id}`;
}

const noRegistration: ProviderFailure = {
  ok: false,
  code: 'transient',
  detail: 'the registry in memory lacks the oauth client',
};

// RFC 6749 §5.2: nothing was done, the refresh token is still good.
function isScopeRefused(answer: TokenResult): boolean {
  return !answer.ok && answer.code === 'misconfigured' && /\binvalid_scope$/.test(answer.detail);
}

function retryAfterOf(failure: ProviderFailure): number | undefined {
  return failure.code === 'transient' ? failure.retryAfterSeconds : undefined;
}

function failed(retryAfterSeconds: number): RefreshResult {
  return { did: 'nothing', because: 'failed', retryAfterSeconds };
}
