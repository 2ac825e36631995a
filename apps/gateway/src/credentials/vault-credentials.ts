import type { Clock } from '#lib/clock/clock';
import type { UpstreamConfig } from '#lib/contract/config-snapshot';
import type { ServicePurpose, TokenAnswer } from '#lib/contract/exchange';
import type { VaultClient } from '#lib/contract/vault-client';
import type { GatewayLogger } from '../log-events.js';
import type { Freshness } from '../upstreams/heartbeats.js';
import type { VaultChange } from '../upstreams/vault-events.js';
import { BorrowedToken } from './borrowed-token.js';
import { BorrowedTokens } from './borrowed-tokens.js';
import { ConfirmLeases } from './confirm-leases.js';
import {
  type BorrowedCredential,
  type CredentialAnswer,
  type CredentialRequest,
  type Credentials,
  nothingToInject,
} from './credentials.js';
import { answerWithoutToken, outdated, unusable } from './exchange-answer.js';
import { Flights, type Flight } from './flights.js';
import { GrantFence } from './grant-fence.js';
import { broughtCredential } from './injected.js';
import { keepSeconds } from './keep-seconds.js';
import { Leases } from './leases.js';
import { ProofMemory } from './proof-memory.js';
import { isService, ServiceCredentials } from './service-credentials.js';
import {
  isFederated,
  personKey,
  scopesOf,
  useKey,
  type Use,
  type Wanted,
  wantedOf,
} from './use.js';

export interface VaultCredentialsOptions {
  readonly vault: Pick<VaultClient, 'exchange' | 'serviceToken'>;
  readonly clock: Clock;
  readonly freshness: Freshness;
  readonly logger: GatewayLogger;
}

const exchangeAttempts = 3;

/** Borrows from the vault and remembers for a minute, as long as the vault's heartbeat is heard. */
export class VaultCredentials implements Credentials {
  readonly #options: VaultCredentialsOptions;
  readonly #tokens = new BorrowedTokens();
  readonly #flights: Flights;
  readonly #fence = new GrantFence();
  readonly #leases = new Leases();
  readonly #confirmation: ConfirmLeases;
  readonly #memory = new ProofMemory();
  readonly #services: ServiceCredentials;
  readonly #replacements = new WeakSet<BorrowedToken>();
  #epoch = 0;
  #confirming = false;

  constructor(options: VaultCredentialsOptions) {
    this.#options = options;
    this.#flights = new Flights(options.clock);
    this.#confirmation = new ConfirmLeases(options.vault, this.#leases);
    this.#services = new ServiceCredentials(options);
  }

  borrow(request: CredentialRequest): CredentialAnswer | Promise<CredentialAnswer> {
    if (request.brought !== undefined)
      return broughtCredential(request.brought, request.upstream.inject);
    if (request.upstream.credential.type === 'none') return nothingToInject;
    if (isService(request.upstream)) return this.#services.borrow(request.upstream, 'own');
    const wanted = wantedOf(request);
    const { fresh } = this.#options.freshness;
    // Whoever waits for a person's answer waits for another token than the one that is there.
    const held =
      fresh && request.interactionId === undefined
        ? this.#tokens.find(wanted, this.#options.clock.monotonicMs())
        : undefined;
    return (
      held ??
      this.#shared(request, wanted, `${request.interaction}\0${request.interactionId ?? ''}`)
    );
  }

  borrowService(
    upstream: UpstreamConfig,
    purpose: ServicePurpose,
  ): CredentialAnswer | Promise<CredentialAnswer> {
    return this.#services.borrow(upstream, purpose);
  }

  replaceService(upstream: UpstreamConfig, refused: BorrowedCredential): Promise<CredentialAnswer> {
    return this.#services.replace(upstream, refused);
  }

  /** Answers `refused` itself where the vault has no other token: a replay would be refused again. */
  async replace(
    request: CredentialRequest,
    refused: BorrowedCredential,
  ): Promise<CredentialAnswer> {
    if (!(refused instanceof BorrowedToken)) return refused;
    if (isService(request.upstream)) return this.#services.replace(request.upstream, refused);
    // Made from the same token a moment ago and refused again: another one would be no better.
    if (isFederated(request.upstream) && this.#replacements.has(refused)) return refused;
    const wanted = wantedOf(request);
    const held = this.#options.freshness.fresh
      ? this.#tokens.find(wanted, this.#options.clock.monotonicMs())
      : undefined;
    if (held && !held.equals(refused)) return held;
    this.#tokens.forget(wanted);
    const answer = await this.#shared(request, wanted, 'replace', refused.sha256());
    if (answer instanceof BorrowedToken && answer.equals(refused)) return refused;
    if (answer instanceof BorrowedToken) this.#replacements.add(answer);
    // The person was asked within the hour: without a link there is nothing to tell but the refusal.
    const isUnlinked = answer.kind === 'interaction' && answer.uri === undefined;
    return isUnlinked && request.interaction === 'create' ? refused : answer;
  }

  /** A change that the vault announced: forget what it ends. */
  changed(change: VaultChange): void {
    if (change.type === 'grant') this.#grantChanged(change);
    if (change.type === 'consent') this.#consentChanged(change);
    // A secret may be another one; what changed beside it is known when the snapshot is.
    if (change.type === 'config') this.#services.clear();
  }

  /** Events may have been missed: everything borrowed is asked for anew, open streams are confirmed. */
  reconnected(): void {
    this.#epoch += 1;
    this.#tokens.clear();
    this.#services.clear();
    void this.#confirmAll(false);
  }

  /** Nothing is heard any more: a stream goes on only if the vault says so now (R3). Told again while it lasts. */
  silent(): void {
    if (this.#confirming) return;
    this.#confirming = true;
    void this.#confirmAll(true).finally(() => (this.#confirming = false));
  }

  /** The configuration changed, and with it perhaps how a token is injected. */
  reconfigured(): void {
    this.#epoch += 1;
    this.#tokens.clear();
    this.#services.clear();
  }

  async #shared(
    request: CredentialRequest,
    wanted: Wanted,
    variant: string,
    rejected?: string,
  ): Promise<CredentialAnswer> {
    const flightKey = `${useKey(wanted)}\0${variant}\0${rejected ?? ''}`;
    const joined = this.#flights.join(flightKey, this.#options.freshness.fresh);
    if (!joined)
      return this.#flights.start(flightKey, wanted, (flight) =>
        this.#fly(request, wanted, flight, rejected),
      );
    const answer = await joined.answer;
    // Somebody else's token of the same person was refused: that says nothing of this one.
    if (answer.kind !== 'invalid-token' || joined.token === request.token) return answer;
    return this.#flights.start(flightKey, wanted, (flight) =>
      this.#fly(request, wanted, flight, rejected),
    );
  }

  async #fly(
    request: CredentialRequest,
    wanted: Wanted,
    flight: Flight,
    rejected: string | undefined,
  ): Promise<CredentialAnswer> {
    flight.token = request.token;
    for (let attempt = 0; attempt < exchangeAttempts; attempt += 1) {
      const epoch = this.#epoch;
      const startedMs = this.#options.clock.monotonicMs();
      flight.overtaken = false;
      const outcome = await this.#exchange(request, rejected);
      if (outcome.kind !== 'token') return this.#withoutToken(request, outcome);
      const { grant_id, grant_version } = outcome.token;
      if (flight.overtaken || this.#fence.isOutdated(grant_id, grant_version)) continue;
      return this.#keep(
        request,
        wanted,
        outcome.token,
        epoch === this.#epoch ? startedMs : undefined,
      );
    }
    return outdated;
  }

  #exchange(request: CredentialRequest, rejectedTokenSha256: string | undefined) {
    const {
      upstream,
      token: subjectToken,
      interaction,
      interactionId,
      clientInfoName,
      trace,
    } = request;
    return this.#options.vault.exchange({
      subjectToken,
      audience: upstream.slug,
      scopes: scopesOf(request),
      interaction,
      interactionId,
      rejectedTokenSha256,
      clientInfoName,
      trace,
    });
  }

  #withoutToken(
    request: CredentialRequest,
    outcome: Parameters<typeof answerWithoutToken>[0],
  ): CredentialAnswer {
    const upstream = request.upstream.slug;
    const { logger } = this.#options;
    if (outcome.kind === 'unavailable')
      logger.warn({ event: 'credential.exchange-unavailable', upstream, detail: outcome.detail });
    if (outcome.kind === 'refused')
      logger.warn({
        event: 'credential.exchange-refused',
        upstream,
        error: outcome.error,
        detail: outcome.detail,
      });
    return answerWithoutToken(outcome);
  }

  /** `startedMs` is undefined where the connection changed meanwhile: used once, not remembered. */
  #keep(
    request: CredentialRequest,
    wanted: Wanted,
    answer: TokenAnswer,
    startedMs: number | undefined,
  ): CredentialAnswer {
    const { grant_id: grantId, grant_version: grantVersion } = answer;
    const { scopes, source } = wanted;
    const { clientInfoName } = request;
    const lease =
      grantId === undefined
        ? undefined
        : this.#leases.renew({ use: wanted, grantId, scopes, clientInfoName });
    const proving = { clock: this.#options.clock, memory: this.#memory };
    const token = BorrowedToken.of(answer, request.upstream.inject, proving, lease);
    if (token === undefined) {
      const { upstream } = wanted;
      this.#options.logger.error({ event: 'credential.unusable', upstream, grantId });
      return unusable;
    }
    const keepMs = keepSeconds(answer.expires_in) * 1000;
    if (startedMs !== undefined && keepMs > 0)
      this.#tokens.put(
        {
          use: lease ?? wanted,
          scopes,
          source,
          token,
          grantVersion,
          usableUntilMs: startedMs + keepMs,
        },
        this.#options.clock.monotonicMs(),
      );
    return token;
  }

  #grantChanged(change: Extract<VaultChange, { type: 'grant' }>): void {
    this.#fence.see(change);
    // While a refresh is under way the token at hand is as good as before.
    if (change.status === 'refreshing') return;
    const { grantId, version } = change;
    const ended = change.status !== 'active';
    this.#tokens.purge(
      personKey(change),
      (cached) =>
        cached.token.grantId === grantId && (ended || (cached.grantVersion ?? -1) < version),
    );
    if (change.status === 'revoked')
      this.#leases.end(personKey(change), (lease) => lease.grantId === grantId);
  }

  /** One that was given may be wider than what the token at hand was narrowed to. */
  #consentChanged(change: Extract<VaultChange, { type: 'consent' }>): void {
    const person = personKey(change);
    const concerned = ({ application, upstream }: Use) =>
      application === change.application && upstream === change.upstream;
    this.#flights.overtake((use) => use.person === person && concerned(use));
    this.#tokens.purge(person, ({ use }) => concerned(use));
    if (change.state === 'removed') this.#leases.end(person, concerned);
  }

  #confirmAll(failClosed: boolean): Promise<void> {
    const epoch = this.#epoch;
    return this.#confirmation.confirmAll(failClosed, () => epoch === this.#epoch);
  }
}
