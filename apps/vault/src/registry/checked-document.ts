import type { FieldError } from '#lib/problem/problem';
import type { JsonObject } from './domain/json.js';

/** A document after its addresses were asked. */
export interface CheckedDocument {
  /** With what discovery filled in. */
  readonly document: JsonObject;
  readonly errors: readonly FieldError[];
  /** Why it will not work yet, although it may be saved. */
  readonly failure?: string;
  readonly warnings: readonly string[];
}

export function refused(document: JsonObject, error: FieldError): CheckedDocument {
  return { document, errors: [error], warnings: [] };
}
