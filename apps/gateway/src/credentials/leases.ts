import type { CredentialRequest, Revocation } from './credentials.js';
import type { Use } from './use.js';

/** That one application uses one grant of one person here, perhaps in streams that are still open. */
export class Lease implements Revocation {
  readonly #watchers = new Set<() => void>();
  #happened = false;

  constructor(
    readonly use: Use,
    readonly grantId: string,
    /** The call that last borrowed: what to ask the vault with whether the grant still stands. */
    public lastRequest: CredentialRequest,
  ) {}

  get happened(): boolean {
    return this.#happened;
  }

  watch(ended: () => void): () => void {
    if (this.#happened) ended();
    else this.#watchers.add(ended);
    return () => this.#watchers.delete(ended);
  }

  /** Only what is open need be confirmed: a question is a use of the grant, and may refresh its token. */
  get watched(): boolean {
    return this.#watchers.size > 0;
  }

  end(): void {
    this.#happened = true;
    const watchers = [...this.#watchers];
    this.#watchers.clear();
    for (const ended of watchers) ended();
  }
}

const maxLeases = 20_000;

/**
 * The leases of this replica. Beyond the bound the longest unused one ends, and so do its streams: better a reconnect than a stream
 * that no revocation reaches.
 */
export class Leases {
  readonly #byPerson = new Map<string, Map<string, Lease>>();
  readonly #all = new Set<Lease>();

  constructor(private readonly limit = maxLeases) {}

  renew(use: Use, grantId: string, request: CredentialRequest): Lease {
    const ofPerson = this.#byPerson.get(use.person) ?? new Map<string, Lease>();
    this.#byPerson.set(use.person, ofPerson);
    const key = `${use.upstream}\0${grantId}\0${use.application}`;
    const lease = ofPerson.get(key) ?? new Lease(use, grantId, request);
    lease.lastRequest = request;
    ofPerson.set(key, lease);
    this.#all.delete(lease);
    this.#all.add(lease);
    if (this.#all.size > this.limit) this.#endLongestUnused();
    return lease;
  }

  /** Ends what `ended` says of this person; open streams hear it at once. */
  end(person: string, ended: (lease: Lease) => boolean): void {
    const ofPerson = this.#byPerson.get(person);
    if (!ofPerson) return;
    for (const [key, lease] of ofPerson) {
      if (!ended(lease)) continue;
      ofPerson.delete(key);
      this.#all.delete(lease);
      lease.end();
    }
    if (ofPerson.size === 0) this.#byPerson.delete(person);
  }

  watched(): readonly Lease[] {
    return [...this.#all].filter((lease) => lease.watched);
  }

  #endLongestUnused(): void {
    for (const oldest of this.#all) {
      this.end(oldest.use.person, (lease) => lease === oldest);
      return;
    }
  }
}
