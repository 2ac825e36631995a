import { randomUUID } from 'node:crypto';
import type { UpstreamConfig } from '#lib/contract/config-snapshot';
import type { ServicePurpose } from '#lib/contract/exchange';
import type {
  BorrowedCredential,
  CredentialAnswer,
  CredentialRequest,
  Credentials,
  Revocation,
} from '../credentials/credentials.js';
import type { InteractionWatch } from '../upstreams/interaction-watch.js';

type Ended = Parameters<Parameters<InteractionWatch['onEnded']>[0]>[0];

/** The vault as the MCP routes see it: who has a grant, who is asked, what ended. */
export class PersonVault implements Credentials, InteractionWatch {
  readonly grants = new Map<string, Granted>();
  readonly requests: CredentialRequest[] = [];
  readonly interactions = new Map<string, Omit<Ended, 'state'>>();
  readonly ends = new Map<string, Ended['state']>();
  links = 0;
  replaced = 0;
  /** Changes the ids of grants, as a disconnect and a new consent do. */
  suffix = '';
  answer: CredentialAnswer | undefined;
  /** Scopes that the registry does not list. */
  readonly notOffered = new Set<string>();
  /** Scopes beside the upstream's own that people have agreed to. */
  readonly agreed = new Set<string>();
  readonly #asked = new Map<string, readonly string[]>();
  readonly endedSessions: string[] = [];
  readonly #listeners = new Set<(ended: Ended) => void>();
  readonly #sessionListeners = new Set<(nonce: string) => void>();
  #generation = 0;

  borrow(request: CredentialRequest): CredentialAnswer | Promise<CredentialAnswer> {
    this.requests.push(request);
    if (this.answer !== undefined) return this.answer;
    const key = keyOf(request);
    const { scopes = [] } = request;
    if (scopes.some((scope) => this.notOffered.has(scope)))
      return { kind: 'forbidden', detail: 'not offered' };
    const granted = this.grants.get(key);
    if (granted !== undefined && scopes.every((scope) => this.agreed.has(scope)))
      return this.#credential(request, granted);
    const waiting = [...this.interactions].find(
      ([id, one]) => keyOfEnded(one) === key && !this.ends.has(id),
    )?.[0];
    if (request.interaction === 'none')
      return {
        kind: 'interaction',
        interactionId: waiting,
        uri: undefined,
        message: 'Connect Demo.',
        expiresIn: 600,
      };
    const interactionId = waiting ?? randomUUID();
    this.#asked.set(interactionId, scopes);
    const { issuer, subject, application } = request.caller;
    this.interactions.set(interactionId, {
      interactionId,
      issuer,
      subject,
      application,
      upstream: request.upstream.slug,
    });
    this.links += 1;
    const uri = `https://vault.example/connect/${randomUUID()}`;
    return { kind: 'interaction', interactionId, uri, message: 'Connect Demo.', expiresIn: 600 };
  }

  async replace(
    request: CredentialRequest,
    refused: BorrowedCredential,
  ): Promise<CredentialAnswer> {
    this.replaced += 1;
    this.#generation += 1;
    void refused;
    return this.borrow(request);
  }

  /** What `borrowService` answers, by purpose; without an entry there is none. */
  readonly services = new Map<ServicePurpose, CredentialAnswer>();
  readonly serviceRequests: ServicePurpose[] = [];

  borrowService(_upstream: UpstreamConfig, purpose: ServicePurpose): CredentialAnswer {
    this.serviceRequests.push(purpose);
    const none = { kind: 'forbidden', detail: 'No such credential is registered.' } as const;
    return this.services.get(purpose) ?? none;
  }

  /** There is no other. */
  replaceService(
    _upstream: UpstreamConfig,
    refused: BorrowedCredential,
  ): Promise<CredentialAnswer> {
    return Promise.resolve(refused);
  }

  /** The person agrees in the browser. */
  consent(interactionId = [...this.interactions.keys()].at(-1)): void {
    const one = this.interactions.get(interactionId ?? '');
    if (one === undefined) throw new Error('nothing to consent to');
    this.grants.set(keyOfEnded(one), new Granted());
    for (const scope of this.#asked.get(one.interactionId) ?? []) this.agreed.add(scope);
    this.finish(one.interactionId, 'completed');
  }

  async withdraw(interactionId: string): Promise<void> {
    this.finish(interactionId, 'declined');
  }

  finish(interactionId: string, state: Ended['state']): void {
    const one = this.interactions.get(interactionId);
    if (one === undefined) throw new Error('no such interaction');
    this.ends.set(interactionId, state);
    for (const listener of [...this.#listeners]) listener({ ...one, state });
  }

  grant(person: string, application = 'app', upstream = 'demo'): void {
    this.grants.set(JSON.stringify([person, application, upstream]), new Granted());
  }

  revoke(person: string, application = 'app', upstream = 'demo'): void {
    const key = JSON.stringify([person, application, upstream]);
    this.grants.get(key)?.end();
    this.grants.delete(key);
  }

  ended(
    interactionId: string,
    timeoutMs: number,
    signal: AbortSignal,
  ): Promise<Ended['state'] | 'timeout' | 'aborted'> {
    const known = this.ends.get(interactionId);
    if (known !== undefined) return Promise.resolve(known);
    return new Promise((resolve) => {
      const stop = this.onEnded((ended) => {
        if (ended.interactionId === interactionId) finish(ended.state);
      });
      const timer = setTimeout(() => finish('timeout'), timeoutMs);
      const finish = (state: Ended['state'] | 'timeout' | 'aborted'): void => {
        clearTimeout(timer);
        stop();
        resolve(state);
      };
      signal.addEventListener('abort', () => finish('aborted'), { once: true });
    });
  }

  onEnded(listener: (ended: Ended) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  onGrantChanged(): () => void {
    return () => undefined;
  }

  onSessionEnded(listener: (nonce: string) => void): () => void {
    this.#sessionListeners.add(listener);
    return () => this.#sessionListeners.delete(listener);
  }

  async endSession(nonce: string): Promise<void> {
    this.endedSessions.push(nonce);
    for (const listener of [...this.#sessionListeners]) listener(nonce);
  }

  #credential({ caller }: CredentialRequest, granted: Granted): BorrowedCredential {
    const scopes = [...this.agreed].map((scope) => `+${scope}`).join('');
    const token = `up:${caller.subject}:${this.#generation}${scopes}`;
    const header = ['authorization', `Bearer ${token}`] as const;
    return {
      kind: 'credential',
      header,
      grantId: `grant-${caller.subject}${this.suffix}`,
      revocation: granted,
    };
  }
}

/** A grant as those who use it watch it: many calls at once. */
class Granted implements Revocation {
  happened = false;
  readonly #watchers = new Set<() => void>();

  watch(ended: () => void): () => void {
    if (this.happened) ended();
    // Each watcher counts, even two of one function.
    const watcher = (): void => ended();
    this.#watchers.add(watcher);
    return () => this.#watchers.delete(watcher);
  }

  end(): void {
    this.happened = true;
    for (const ended of this.#watchers) ended();
  }
}

function keyOf({ caller, upstream }: CredentialRequest): string {
  return JSON.stringify([caller.subject, caller.application, upstream.slug]);
}

function keyOfEnded({ subject, application, upstream }: Omit<Ended, 'state'>): string {
  return JSON.stringify([subject, application, upstream]);
}
