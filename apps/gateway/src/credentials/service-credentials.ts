import type { Clock } from '#lib/clock/clock';
import type { UpstreamConfig } from '#lib/contract/config-snapshot';
import type { ServicePurpose, TokenAnswer } from '#lib/contract/exchange';
import type { VaultClient } from '#lib/contract/vault-client';
import type { GatewayLogger } from '../log-events.js';
import type { Freshness } from '../upstreams/heartbeats.js';
import { BorrowedToken } from './borrowed-token.js';
import { type BorrowedCredential, type CredentialAnswer, nothingToInject } from './credentials.js';
import { answerWithoutToken, unusable } from './exchange-answer.js';
import { keepSeconds } from './keep-seconds.js';
import { ProofMemory } from './proof-memory.js';

export interface ServiceCredentialsOptions {
  readonly vault: Pick<VaultClient, 'serviceToken'>;
  readonly clock: Clock;
  readonly freshness: Freshness;
  readonly logger: GatewayLogger;
}

/** Times in monotonic milliseconds. */
interface Held {
  readonly token: BorrowedToken;
  readonly usableUntilMs: number;
}

const notRegistered: CredentialAnswer = {
  kind: 'forbidden',
  detail: 'No credential is registered for this.',
};
// Without heartbeats, what an older question will be answered may already be known to be wrong elsewhere.
const joinableWhenStaleMs = 1000;

/** What is nobody's own: one per upstream and purpose for all callers, kept apart from what is a person's. */
export class ServiceCredentials {
  readonly #held = new Map<string, Held>();
  readonly #flights = new Map<string, { startedMs: number; answer: Promise<CredentialAnswer> }>();
  readonly #memory = new ProofMemory();
  readonly #purposes = new WeakMap<BorrowedToken, ServicePurpose>();
  /** Asked for a moment ago because another was refused: a third would be no better. */
  readonly #replacements = new WeakSet<BorrowedToken>();
  #epoch = 0;

  constructor(private readonly options: ServiceCredentialsOptions) {}

  borrow(
    upstream: UpstreamConfig,
    purpose: ServicePurpose,
  ): CredentialAnswer | Promise<CredentialAnswer> {
    const known = withoutAsking(upstream, purpose);
    if (known !== undefined) return known;
    const key = keyOf(upstream, purpose);
    return this.#at(key) ?? this.#fly(key, upstream, purpose);
  }

  /** The upstream refused the one at hand: answers another, or `refused` itself where there is none. */
  async replace(upstream: UpstreamConfig, refused: BorrowedCredential): Promise<CredentialAnswer> {
    const purpose = refused instanceof BorrowedToken ? this.#purposes.get(refused) : undefined;
    if (!(refused instanceof BorrowedToken) || purpose === undefined) return refused;
    const key = keyOf(upstream, purpose);
    const held = this.#at(key);
    if (held && !held.equals(refused)) return held;
    // Whoever can make the upstream refuse must not make the vault be asked each time.
    if (this.#replacements.has(held ?? refused)) return refused;
    this.#held.delete(key);
    const answer = await this.#fly(key, upstream, purpose, refused.sha256());
    if (answer instanceof BorrowedToken) this.#replacements.add(answer);
    return answer instanceof BorrowedToken && answer.equals(refused) ? refused : answer;
  }

  /** Something changed, or may have been missed: everything is asked for anew. */
  clear(): void {
    this.#epoch += 1;
    this.#held.clear();
    this.#flights.clear();
  }

  #at(key: string): BorrowedToken | undefined {
    const { freshness, clock } = this.options;
    const held = freshness.fresh ? this.#held.get(key) : undefined;
    return held && clock.monotonicMs() < held.usableUntilMs ? held.token : undefined;
  }

  #fly(
    key: string,
    upstream: UpstreamConfig,
    purpose: ServicePurpose,
    rejected?: string,
  ): Promise<CredentialAnswer> {
    const flightKey = `${key}\0${rejected ?? ''}`;
    const { freshness, clock } = this.options;
    const startedMs = clock.monotonicMs();
    const running = this.#flights.get(flightKey);
    const joinable = running && startedMs - running.startedMs < joinableWhenStaleMs;
    if (running && (freshness.fresh || joinable)) return running.answer;
    const answer = this.#ask(upstream, { purpose, rejected }).finally(() => {
      if (this.#flights.get(flightKey)?.answer === answer) this.#flights.delete(flightKey);
    });
    this.#flights.set(flightKey, { startedMs, answer });
    return answer;
  }

  async #ask(
    upstream: UpstreamConfig,
    { purpose, rejected }: { purpose: ServicePurpose; rejected: string | undefined },
  ): Promise<CredentialAnswer> {
    const { vault, clock, logger } = this.options;
    const epoch = this.#epoch;
    const startedMs = clock.monotonicMs();
    const { slug } = upstream;
    const outcome = await vault.serviceToken({
      audience: slug,
      purpose,
      ...(rejected === undefined ? {} : { rejectedTokenSha256: rejected }),
    });
    if (outcome.kind === 'token')
      return this.#keep(
        upstream,
        purpose,
        outcome.token,
        epoch === this.#epoch ? startedMs : undefined,
      );
    const { kind } = outcome;
    if (kind === 'unavailable')
      logger.warn({
        event: 'credential.exchange-unavailable',
        ...{ upstream: slug, purpose, detail: outcome.detail },
      });
    if (kind === 'refused' || kind === 'invalid-subject-token')
      logger.warn({
        event: 'credential.exchange-refused',
        ...{ upstream: slug, purpose, detail: outcome.detail },
      });
    // Nobody's token was sent, so nobody's can be at fault.
    return kind === 'invalid-subject-token' ? notRegistered : answerWithoutToken(outcome);
  }

  #keep(
    upstream: UpstreamConfig,
    purpose: ServicePurpose,
    answer: TokenAnswer,
    startedMs: number | undefined,
  ): CredentialAnswer {
    const proving = { clock: this.options.clock, memory: this.#memory };
    const token = BorrowedToken.of(answer, upstream.inject, proving);
    if (token === undefined) {
      this.options.logger.error({ event: 'credential.unusable', upstream: upstream.slug });
      return unusable;
    }
    this.#purposes.set(token, purpose);
    const keepMs = keepSeconds(answer.expires_in) * 1000;
    if (startedMs !== undefined && keepMs > 0)
      this.#held.set(keyOf(upstream, purpose), { token, usableUntilMs: startedMs + keepMs });
    return token;
  }
}

/** Whether a call of this upstream bears the service's own credential, whoever calls. */
export function isService({ credential }: UpstreamConfig): boolean {
  return credential.type === 'static' || credential.type === 'client-credentials';
}

function withoutAsking(
  upstream: UpstreamConfig,
  purpose: ServicePurpose,
): CredentialAnswer | undefined {
  if (purpose === 'own') {
    if (upstream.credential.type === 'none') return nothingToInject;
    return isService(upstream) ? undefined : notRegistered;
  }
  if (upstream.open?.includes(purpose) === true) return nothingToInject;
  return upstream[purpose] === true ? undefined : notRegistered;
}

// Slugs hold no NUL.
function keyOf({ slug }: UpstreamConfig, purpose: ServicePurpose): string {
  return `${slug}\0${purpose}`;
}
