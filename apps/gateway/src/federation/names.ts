import { createHash } from 'node:crypto';

export interface NamedUpstream {
  readonly slug: string;
  readonly prefix?: string | undefined;
}

/** What a joined name says: whose it is at once, or among whose lists it must be looked up. */
export type Named =
  | { readonly kind: 'plain'; readonly slug: string; readonly name: string }
  | { readonly kind: 'derived'; readonly slugs: readonly string[] }
  | { readonly kind: 'connect'; readonly slug: string };

const longest = 128;
const allowed = /^[A-Za-z0-9_.-]{1,128}$/;
const foreign = /[^A-Za-z0-9_.-]/g;
/** What ends a derived name: 12 hexadecimal digits of a digest. */
const tail = /--[0-9a-f]{12}$/;
const tailLength = 14;

/**
 * The names of several upstreams' tools and prompts in one list. A plain name is prefix and own name, and it
 * belongs to the upstream with the longest prefix that fits, so that nobody can take a name of another. Names
 * that would then be somebody else's, too long, or not of [A-Za-z0-9_.-] get a digest at their end. All of
 * it follows from the registry alone: every replica and every caller sees the same names.
 */
export class Names {
  readonly #prefixes: readonly (readonly [slug: string, prefix: string])[];
  readonly #bySlug: ReadonlyMap<string, string>;
  readonly #connect: ReadonlyMap<string, string>;

  /** All upstreams of the registry, seen by this caller or not. */
  constructor(upstreams: readonly NamedUpstream[]) {
    this.#prefixes = upstreams
      .map(({ slug, prefix = `${slug}_` }) => [slug, prefix] as const)
      .toSorted(longestPrefixFirst);
    this.#bySlug = new Map(this.#prefixes);
    this.#connect = new Map(upstreams.map(({ slug }) => [connectName(slug), slug]));
  }

  joined(slug: string, name: string): string {
    const plain = `${this.#bySlug.get(slug) ?? ''}${name}`;
    const own = allowed.test(plain) && !tail.test(plain) && !this.#connect.has(plain);
    if (own && this.#ownerOf(plain) === slug) return plain;
    const digest = createHash('sha256').update(`${slug}\0${name}`).digest('hex').slice(0, 12);
    return `${plain.replaceAll(foreign, '_').slice(0, longest - tailLength)}--${digest}`;
  }

  read(joined: string): Named | undefined {
    const slug = this.#connect.get(joined);
    if (slug !== undefined) return { kind: 'connect', slug };
    if (tail.test(joined)) {
      const slugs = this.#prefixes.filter(([, prefix]) => joined.startsWith(prefix));
      return { kind: 'derived', slugs: slugs.map(([one]) => one) };
    }
    const owner = this.#ownerOf(joined);
    if (owner === undefined) return undefined;
    const name = joined.slice(this.#bySlug.get(owner)?.length ?? 0);
    return name === '' ? undefined : { kind: 'plain', slug: owner, name };
  }

  #ownerOf(plain: string): string | undefined {
    return this.#prefixes.find(([, prefix]) => plain.startsWith(prefix))?.[0];
  }
}

/** The tool that stands for an upstream whose own are not known yet. Nobody else's tool is ever named so. */
export function connectName(slug: string): string {
  return `connect_${slug}`;
}

// Of equal prefixes the first slug has the plain names.
function longestPrefixFirst(
  [slug, prefix]: readonly [string, string],
  [otherSlug, other]: readonly [string, string],
): number {
  return other.length - prefix.length || (slug < otherSlug ? -1 : 1);
}
