import type { FieldError } from '#lib/problem/problem';
import type { Collection } from './domain/collection.js';
import type { DocumentChange } from './domain/document-changes.js';
import type { JsonObject } from './domain/json.js';
import type { RegistryRow } from './registry-row.js';
import type { SecretChanges } from './write-only-secrets.js';

export interface IssuerMove {
  readonly from: string;
  readonly to: string;
  /** RFC 3339; null where the old name ends at once. */
  readonly acceptUntil: string | null;
  /** Whether the keys of before sign at the new URL too. */
  readonly sharedKeys: boolean;
}

/** One wish for one resource. */
export interface ChangeRequest {
  readonly collection: Collection<object>;
  readonly method: 'create' | 'put' | 'patch' | 'delete';
  /** From the address; a `create` has it in its body. */
  readonly slug?: string;
  readonly body?: unknown;
  /** RFC 9110 If-Match: entity tags, or `*`. */
  readonly ifMatch?: string;
  /** `If-None-Match: *`. */
  readonly createOnly?: boolean;
  /** A move of an issuer (registry/move-issuer.ts): alone may change `issuer`, and is audited as what it is. */
  readonly move?: IssuerMove;
  /** Where the body stands in a larger document; prefixed to the pointers of errors. */
  readonly at?: string;
}

/** What a request comes to, before anything is written. `document` is undefined for a removal. */
export interface PlannedChange {
  readonly request: ChangeRequest;
  readonly slug: string;
  readonly before: RegistryRow | undefined;
  readonly document: JsonObject | undefined;
  /** Only secrets whose values differ from the stored ones. */
  readonly secrets: SecretChanges;
  readonly changes: readonly DocumentChange[];
  /** Why the resource will not work yet, found out while saving. */
  readonly checkFailure: string | undefined;
  readonly warnings: readonly string[];
}

export interface CarriedOutEffect {
  readonly kind: 'suspend-grants' | 'void-consents' | 'end-sessions' | 'set-secret' | 'warning';
  readonly detail: string;
  /** How many grants, consents or sessions. */
  readonly count?: number;
}

export interface ChangeReport {
  readonly collection: string;
  readonly slug: string;
  readonly action: 'created' | 'updated' | 'deleted' | 'unchanged';
  readonly changes: readonly DocumentChange[];
  readonly effects: readonly CarriedOutEffect[];
  /** As stored; undefined after a removal. */
  readonly row: RegistryRow | undefined;
}

export function prefixed(errors: readonly FieldError[], at = ''): FieldError[] {
  return errors.map((error) => ({ ...error, pointer: `${at}${error.pointer}` }));
}
