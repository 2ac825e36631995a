import { ByPerson } from './by-person.js';
import type { Revocation } from './credentials.js';
import type { Use } from './use.js';

/** What the vault is asked with, whether a grant still stands; beside the caller's token. */
export interface LeaseTerms {
  readonly use: Use;
  readonly grantId: string;
  readonly scopes: readonly string[];
  readonly clientInfoName: string | undefined;
}

interface Watcher {
  readonly ended: () => void;
  readonly token: string;
}

/** That one application uses one grant of one person here, perhaps in streams that are still open. */
export class Lease implements Revocation {
  // Most leases are watched by nobody most of the time, and hold nothing of a caller's token then.
  #watchers: Watcher[] | undefined;
  #happened = false;

  readonly use: Use;
  readonly grantId: string;
  #scopes: readonly string[];
  #clientInfoName: string | undefined;

  constructor({ use, grantId, scopes, clientInfoName }: LeaseTerms) {
    this.use = use;
    this.grantId = grantId;
    this.#scopes = scopes;
    this.#clientInfoName = clientInfoName;
  }

  get terms(): LeaseTerms {
    const { use, grantId } = this;
    return { use, grantId, scopes: this.#scopes, clientInfoName: this.#clientInfoName };
  }

  /** Of the call that borrowed last. */
  renewed({ scopes, clientInfoName }: LeaseTerms): void {
    this.#scopes = scopes;
    this.#clientInfoName = clientInfoName;
  }

  get happened(): boolean {
    return this.#happened;
  }

  watch(ended: () => void, token: string): () => void {
    const watcher = { ended, token };
    if (this.#happened) ended();
    else if (this.#watchers === undefined) this.#watchers = [watcher];
    else this.#watchers.push(watcher);
    return () => this.#unwatch(watcher);
  }

  get watched(): boolean {
    return this.#watchers !== undefined;
  }

  /** The caller's token of the call that came last of those that watch. */
  get token(): string | undefined {
    return this.#watchers?.at(-1)?.token;
  }

  end(): void {
    this.#happened = true;
    const watchers = this.#watchers ?? [];
    this.#watchers = undefined;
    for (const { ended } of watchers) ended();
  }

  #unwatch(watcher: Watcher): void {
    const others = this.#watchers?.filter((one) => one !== watcher) ?? [];
    this.#watchers = others.length === 0 ? undefined : others;
  }
}

/** No fewer than borrowed tokens are kept: the end of a lease is the end of what was borrowed under it. */
const maxLeases = 120_000;
const looksForUnwatched = 16;

/**
 * The leases of this replica. Those that calls watch are bounded by the open calls; of the others, beyond the bound the
 * longest unused one ends: better that its next call asks the vault than one that no revocation reaches.
 */
export class Leases {
  readonly #people = new ByPerson<Lease>();
  /** Longest unused first. */
  readonly #all = new Set<Lease>();

  constructor(private readonly limit = maxLeases) {}

  renew(terms: LeaseTerms): Lease {
    const { use, grantId } = terms;
    const known = this.#people
      .of(use.person)
      .find((one) => one.grantId === grantId && isSame(one.use, use));
    if (known !== undefined) known.renewed(terms);
    const lease = known ?? new Lease(terms);
    if (known === undefined) this.#people.add(lease);
    this.#all.delete(lease);
    this.#all.add(lease);
    if (this.#all.size > this.limit) this.#endLongestUnused();
    return lease;
  }

  /** Ends what `ended` says of this person; open streams hear it at once. */
  end(person: string, ended: (lease: Lease) => boolean): void {
    for (const lease of this.#people.of(person)) if (ended(lease)) this.#end(lease);
  }

  /** Only what is open need be confirmed: a question is a use of the grant, and may refresh its token. */
  watched(): readonly Lease[] {
    return [...this.#all].filter((lease) => lease.watched);
  }

  #endLongestUnused(): void {
    let looked = 0;
    for (const lease of this.#all) {
      if (!lease.watched) return this.#end(lease);
      // It is in use: the next look is for others.
      this.#all.delete(lease);
      this.#all.add(lease);
      looked += 1;
      if (looked === looksForUnwatched) return;
    }
  }

  #end(lease: Lease): void {
    this.#people.delete(lease);
    this.#all.delete(lease);
    lease.end();
  }
}

function isSame(one: Use, other: Use): boolean {
  return one.upstream === other.upstream && one.application === other.application;
}
