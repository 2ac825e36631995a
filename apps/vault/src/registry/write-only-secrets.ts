import type { FieldError } from '#lib/problem/problem';
import { Secret } from '#lib/secret/secret';
import type { Collection } from './domain/collection.js';
import { explainIssues } from './domain/explain-issues.js';
import { type JsonObject, pointerOf, valueAt, without } from './domain/json.js';
import { writeOnlySecret } from './domain/names.js';

/** By name (`login.clientSecret`): the live values, newest first; an empty list removes them. */
export type SecretChanges = ReadonlyMap<string, readonly Secret[]>;

export interface SplitDocument {
  /** The document without any secret. */
  readonly document: JsonObject;
  /** Only the secrets that the body names; the others keep their values. */
  readonly secrets: SecretChanges;
  readonly errors: readonly FieldError[];
}

/** Takes the write-only secrets out of a body, so that nothing behind this point can store or show them. */
export function splitSecrets(
  body: JsonObject,
  { secrets: names, secretFault }: Pick<Collection<object>, 'secrets' | 'secretFault'>,
): SplitDocument {
  const secrets = new Map<string, readonly Secret[]>();
  const errors: FieldError[] = [];
  let document = body;
  for (const name of names) {
    const path = name.split('.');
    const value = valueAt(body, path);
    if (value === undefined) continue;
    document = without(document, path);
    const plain = revealed(value);
    const parsed = writeOnlySecret.nullable().safeParse(plain);
    if (!parsed.success) {
      errors.push(...explainIssues(parsed.error.issues, plain).map((e) => at(path, e)));
      continue;
    }
    const values = [parsed.data ?? []].flat();
    const fault = values.map((text) => secretFault?.(text)).find((found) => found !== undefined);
    if (fault !== undefined)
      errors.push({ pointer: pointerOf(path), code: 'invalid-value', detail: fault });
    else
      secrets.set(
        name,
        values.map((text) => new Secret(text)),
      );
  }
  return { document, secrets, errors };
}

function at(path: readonly string[], error: FieldError): FieldError {
  return { ...error, pointer: `${pointerOf(path)}${error.pointer}` };
}

// Those of the bootstrap file come wrapped already.
function revealed(value: unknown): unknown {
  if (value instanceof Secret) return value.reveal();
  return Array.isArray(value) ? value.map(revealed) : value;
}
