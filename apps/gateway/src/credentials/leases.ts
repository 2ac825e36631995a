import { type InLine, Line } from '#lib/line/line';
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
export class Lease implements Revocation, Use, InLine<Lease> {
  // Most leases are watched by nobody most of the time, and hold nothing of a caller's token then.
  #watchers: Watcher[] | undefined;
  #happened = false;

  readonly person: string;
  readonly application: string;
  readonly upstream: string;
  readonly grantId: string;
  older: Lease | undefined = undefined;
  newer: Lease | undefined = undefined;
  #scopes: readonly string[];
  #clientInfoName: string | undefined;

  constructor({ use, grantId, scopes, clientInfoName }: LeaseTerms) {
    this.person = use.person;
    this.application = use.application;
    this.upstream = use.upstream;
    this.grantId = grantId;
    this.#scopes = scopes;
    this.#clientInfoName = clientInfoName;
  }

  get terms(): LeaseTerms {
    const { grantId } = this;
    return { use: this, grantId, scopes: this.#scopes, clientInfoName: this.#clientInfoName };
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
  readonly #line = new Line<Lease>();
  #size = 0;

  constructor(private readonly limit = maxLeases) {}

  renew(terms: LeaseTerms): Lease {
    const { use, grantId } = terms;
    const known = this.#people
      .of(use.person)
      .find((one) => one.grantId === grantId && isSame(one, use));
    if (known === undefined) return this.#begin(new Lease(terms));
    known.renewed(terms);
    this.#toTheEnd(known);
    return known;
  }

  /** Ends what `ended` says of this person; open streams hear it at once. */
  end(person: string, ended: (lease: Lease) => boolean): void {
    for (const lease of this.#people.of(person)) if (ended(lease)) this.#end(lease);
  }

  /** Only what is open need be confirmed: a question is a use of the grant, and may refresh its token. */
  watched(): readonly Lease[] {
    return [...this.#line].filter((lease) => lease.watched);
  }

  #begin(lease: Lease): Lease {
    this.#people.add(lease);
    this.#line.add(lease);
    this.#size += 1;
    if (this.#size > this.limit) this.#endLongestUnused();
    return lease;
  }

  #toTheEnd(lease: Lease): void {
    this.#line.remove(lease);
    this.#line.add(lease);
  }

  #endLongestUnused(): void {
    for (let looked = 0; looked < looksForUnwatched; looked += 1) {
      const { oldest } = this.#line;
      if (oldest === undefined) return;
      if (!oldest.watched) return this.#end(oldest);
      // It is in use: the next look is for others.
      this.#toTheEnd(oldest);
    }
  }

  #end(lease: Lease): void {
    this.#people.delete(lease);
    this.#line.remove(lease);
    this.#size -= 1;
    lease.end();
  }
}

function isSame(one: Use, other: Use): boolean {
  return one.upstream === other.upstream && one.application === other.application;
}
