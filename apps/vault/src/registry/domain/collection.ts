import type { FieldError } from '#lib/problem/problem';
import type { z } from 'zod';
import type { JsonObject } from './json.js';

export const collectionNames = [
  'issuers',
  'applications',
  'oauth-clients',
  'upstreams',
  'machine-clients',
  'webhooks',
] as const;
/** In the order in which they refer to each other: a later one names earlier ones. */
export type CollectionName = (typeof collectionNames)[number];

/** Another resource that a document names by slug. */
export interface Reference {
  readonly pointer: string;
  readonly collection: CollectionName;
  readonly slug: string;
}

/** A URL that the product will call, so it is checked before it is stored. */
export interface CalledUrl {
  readonly pointer: string;
  readonly url: string;
}

/** What else a change does, carried out in its transaction. */
export type Effect =
  /** `moved`: the authorization server is another one. */
  | { readonly kind: 'suspend-grants'; readonly reason: string; readonly moved?: true }
  | { readonly kind: 'void-consents'; readonly reason: string }
  | { readonly kind: 'end-sessions'; readonly reason: string };

/** All documents of the registry, as a change would leave them. */
export type RegistryDocuments = {
  readonly [Name in CollectionName]: readonly JsonObject[];
};

/** One kind of registry resource: all that differs between collections stands in its definition. */
export interface Collection<T> {
  readonly name: CollectionName;
  /** What one is called in sentences: `oauth client`. */
  readonly noun: string;
  readonly schema: z.ZodType<T>;
  /** Write-only members by dotted path. */
  readonly secrets: readonly string[];
  /** Members that never change, by dotted path, with what to do instead. */
  readonly immutable: Readonly<Record<string, string>>;
  /** Members whose change needs the bootstrap token (registry takeover). */
  readonly guarded: readonly string[];
  /** Parts of the product's surface that this version refuses by name. */
  notYet(body: JsonObject): readonly FieldError[];
  references(document: T): readonly Reference[];
  calledUrls(document: T): readonly CalledUrl[];
  effects(before: T, after: T): readonly Effect[];
  /** Secrets that must be given again, because the change sends them elsewhere. */
  reentered(before: T, after: T): readonly string[];
  /** Rules beyond the schema; `others` are all other documents after the change. */
  rules(document: T, others: RegistryDocuments): readonly FieldError[];
  /** The secrets that this document needs, where that depends on the document; others are removed, not kept. */
  secretsOf?(document: T): readonly string[];
  /** What its administrator should know of a document that is saved all the same. */
  warnings?(document: T): readonly string[];
  /** What is wrong with a live value of a secret, as a sentence that does not repeat it. */
  secretFault?(value: string): string | undefined;
}

export function notSupported(pointer: string, what: string): FieldError {
  return {
    pointer,
    code: 'not-supported',
    detail: `${what} is part of the product but not of this version. Leave it out for now.`,
  };
}
