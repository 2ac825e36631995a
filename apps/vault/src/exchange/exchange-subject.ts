import { hash } from 'node:crypto';
import type { Clock } from '#lib/clock/clock';
import { exchangeAudience, onlyAudiences } from '#lib/jwt/audience';
import type { Caller } from '#lib/jwt/caller';
import type { TokenVerifier } from '#lib/jwt/token-verifier';
import type { LiveCallers } from '../authorization-server/live-callers.js';
import type { MachineClient } from '../registry/domain/machine-client.js';
import type { Registry } from '../registry/registry-snapshot.js';
import type { OAuthRefusal } from './domain/exchange-parameters.js';

/** The person on whose behalf a token is asked, and the application that holds theirs. */
export interface Subject {
  readonly caller: Caller;
  readonly issuerId: string;
}

interface Remembered {
  readonly caller: Caller;
  /** Epoch seconds. */
  readonly until: number;
}

// A key that an issuer takes away stops counting within this.
const rememberedSeconds = 60;
const mostRemembered = 20_000;

/** Verifies the subject token again, as meant for this client: a gateway cannot vouch for anybody (row 32). */
export class ExchangeSubject {
  /** Tokens that counted for an audience, by SHA-256 of both; all forgotten when the registry changes. */
  readonly #remembered = new Map<string, Remembered>();
  #snapshot: unknown;

  constructor(
    private readonly verifier: TokenVerifier,
    private readonly registry: Registry,
    private readonly clock: Clock,
    private readonly live: Pick<LiveCallers, 'counts'>,
  ) {}

  async verify(
    client: MachineClient,
    subjectToken: string,
    upstream: string,
  ): Promise<Subject | OAuthRefusal> {
    const key = hash('sha256', `${client.slug} ${upstream} ${subjectToken}`, 'base64');
    const known = this.#known(key);
    if (known !== undefined) return this.#admitted(known);
    const snapshot = this.#snapshot;
    const verified = await this.verifier.verify(subjectToken, acceptableTo(client, upstream));
    if (verified.ok) {
      // What was judged by issuers that changed meanwhile is not kept.
      if (snapshot === this.registry.current()) this.#remember(key, verified.caller);
      return this.#admitted(verified.caller);
    }
    if (verified.transient)
      return {
        error: 'temporarily_unavailable',
        description: verified.detail,
        retryAfterSeconds: 5,
      };
    return { error: 'invalid_request', description: `subject_token: ${verified.detail}` };
  }

  #known(key: string): Caller | undefined {
    const snapshot = this.registry.current();
    if (snapshot !== this.#snapshot) this.#remembered.clear();
    this.#snapshot = snapshot;
    const found = this.#remembered.get(key);
    return found !== undefined && this.clock.now() < found.until ? found.caller : undefined;
  }

  #remember(key: string, caller: Caller): void {
    if (this.#remembered.size >= mostRemembered) this.#remembered.clear();
    const until = Math.min(this.clock.now() + rememberedSeconds, caller.expiresAt);
    this.#remembered.set(key, { caller, until });
  }

  async #admitted(caller: Caller): Promise<Subject | OAuthRefusal> {
    if (!(await this.live.counts(caller)))
      return { error: 'invalid_request', description: 'subject_token: The sign-in is over.' };
    const registry = this.registry.current();
    const issuer = registry.issuer(caller.issuer);
    if (issuer === undefined)
      return { error: 'invalid_request', description: 'The issuer of subject_token is not known.' };
    if (caller.machine)
      return denied(
        caller,
        'subject_token is about a program, not a person: it has no personal grants.',
      );
    const { trust } = registry.standing(caller.issuer, caller.application);
    if (trust === 'blocked') return denied(caller, 'The application of subject_token is blocked.');
    if (trust === 'unknown' && issuer.document.unknownApplications === 'refuse')
      return denied(caller, 'The application of subject_token is not known here.');
    return { caller, issuerId: issuer.id };
  }
}

function acceptableTo({ kind, publicUrl, audiences }: MachineClient, upstream: string) {
  return kind === 'gateway' && publicUrl !== undefined
    ? exchangeAudience(publicUrl, upstream)
    : onlyAudiences(audiences);
}

function denied(caller: Caller, description: string): OAuthRefusal {
  return { error: 'access_denied', description, caller };
}
