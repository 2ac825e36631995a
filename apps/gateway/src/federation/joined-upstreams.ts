import { decideAccess, type AccessDecision } from '#lib/access/access-rule';
import type { Caller } from '#lib/jwt/caller';
import { isNobody } from '../mcp/guest.js';
import type { PreparedUpstream, Upstreams } from '../upstreams/upstreams.js';
import { Names } from './names.js';

export interface VisibleUpstream {
  readonly upstream: PreparedUpstream;
  readonly access: UpstreamAccess;
}

/**
 * A scope that the token lacks does not hide an upstream; it only cannot be called yet. A guest may use what is public
 * there: nobody in particular, or somebody whom the upstream's access rule refuses.
 */
export type UpstreamAccess =
  | Exclude<AccessDecision, { kind: 'claims' }>
  | { readonly kind: 'guest'; readonly needed: AccessDecision | undefined };

/** The MCP upstreams of this configuration in their order, and the names of what they have. */
export class JoinedUpstreams {
  #registered: readonly PreparedUpstream[] = [];
  #all: readonly PreparedUpstream[] = [];
  #names = new Names([]);

  constructor(private readonly upstreams: Upstreams) {}

  /** The same object until the configuration changes. */
  get names(): Names {
    return this.#current() && this.#names;
  }

  /** Sorted by slug, so that a list has one order. */
  visible(caller: Caller): VisibleUpstream[] {
    this.#current();
    return this.#all.flatMap((upstream) => visibleTo(caller, upstream) ?? []);
  }

  /** How many there are, seen by this caller or not. */
  get count(): number {
    return this.#current() && this.#all.length;
  }

  find(caller: Caller, slug: string): VisibleUpstream | undefined {
    const upstream = this.upstreams.find(slug);
    return upstream?.config.type === 'mcp' ? visibleTo(caller, upstream) : undefined;
  }

  #current(): true {
    const registered = this.upstreams.all();
    if (isSame(registered, this.#registered)) return true;
    this.#registered = [...registered];
    this.#all = registered
      .filter(({ config }) => config.type === 'mcp')
      .toSorted((one, other) => (one.config.slug < other.config.slug ? -1 : 1));
    this.#names = new Names(this.#all.map(({ config }) => config));
    return true;
  }
}

/** Each snapshot brings new objects; between two of them nothing is compared but these. */
function isSame(some: readonly unknown[], others: readonly unknown[]): boolean {
  return some.length === others.length && some.every((one, i) => one === others[i]);
}

function visibleTo(caller: Caller, upstream: PreparedUpstream): VisibleUpstream | undefined {
  const access = accessTo(caller, upstream);
  return access && { upstream, access };
}

/** What this caller may do at an upstream as far as its access rule goes; undefined: to them it is not there. */
export function accessTo(caller: Caller, upstream: PreparedUpstream): UpstreamAccess | undefined {
  const admitsGuests = upstream.toolGate?.admitsGuests === true;
  if (isNobody(caller)) return admitsGuests ? { kind: 'guest', needed: undefined } : undefined;
  const access = decideAccess(caller, upstream.config.access);
  if (access.kind === 'allowed') return access;
  if (admitsGuests) return { kind: 'guest', needed: access };
  return access.kind === 'claims' ? undefined : access;
}
