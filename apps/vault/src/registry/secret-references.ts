import { readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { parseDocument } from 'yaml';
import { type FieldError, Problem } from '#lib/problem/problem';
import { Secret } from '#lib/secret/secret';
import type { ChangeRequest } from './change-request.js';
import { isJsonObject, type JsonObject, pointerOf, valueAt, without } from './domain/json.js';
import type { RegistryRow } from './registry-row.js';

export type SecretReference = { readonly env: string } | { readonly file: string };

function isReference(value: unknown): value is SecretReference {
  if (!isJsonObject(value) || Object.keys(value).length !== 1) return false;
  return typeof value['env'] === 'string' || typeof value['file'] === 'string';
}

/** YAML 1.2 (and so JSON) as a document. Throws Problem that quotes nothing of it: secrets may stand there. */
export function parseYaml(text: string): unknown {
  const document = parseDocument(text, { uniqueKeys: true, prettyErrors: true });
  const [error] = document.errors;
  if (error) {
    const line = error.linePos?.[0].line ?? 1;
    throw new Problem('invalid-request', `Line ${line} is not valid YAML (${error.code}).`);
  }
  try {
    return document.toJS({ maxAliasCount: 20 });
  } catch {
    throw new Problem('invalid-request', 'The document has too many aliases.');
  }
}

/**
 * Over the API a reference stands for the value that is stored already: reading files or variables of this process
 * for whoever may send a document would hand them out. Returns what is missing.
 */
export function keepReferenced(
  requests: readonly ChangeRequest[],
  rows: readonly RegistryRow[],
): { requests: ChangeRequest[]; errors: FieldError[] } {
  const errors: FieldError[] = [];
  const kept = requests.map((request) => {
    const stored = rows.find(
      (row) => row.collection === request.collection.name && row.slug === request.slug,
    );
    return eachReference(request, (name, path, body) => {
      if (!stored?.secretsSet.includes(name)) errors.push(nothingStored(request, path));
      return without(body, path);
    });
  });
  return { requests: kept, errors };
}

function nothingStored({ at = '' }: ChangeRequest, path: readonly string[]): FieldError {
  return {
    pointer: `${at}${pointerOf(path)}`,
    code: 'secret-reference',
    detail:
      'Nothing is stored for this reference. Give the value itself, or apply the document at start by SYMBOLON_BOOTSTRAP.',
  };
}

export interface BootstrapDocument {
  readonly requests: readonly ChangeRequest[];
  /** Everything that is wrong, one sentence each. */
  readonly problems: readonly string[];
}

type Environment = Readonly<Record<string, string | undefined>>;

/** Replaces references by what the variables and files hold; files are relative to the document's own folder. */
export function resolveReferences(
  requests: readonly ChangeRequest[],
  path: string,
  environment: Environment,
): BootstrapDocument {
  const problems: string[] = [];
  const resolved = requests.map((request) =>
    eachReference(request, (name, steps, body) => {
      const found = valueAt(body, steps);
      const values = [found].flat().map((one) => {
        if (!isReference(one)) return one;
        const value = valueOf(one, path, environment);
        if (value === undefined)
          problems.push(`${request.at ?? ''}${pointerOf(steps)}: ${described(one)} holds no value`);
        return value;
      });
      return replaced(body, steps, Array.isArray(found) ? values : values[0]);
    }),
  );
  return { requests: resolved, problems };
}

function eachReference(
  request: ChangeRequest,
  replace: (name: string, path: readonly string[], body: JsonObject) => JsonObject,
): ChangeRequest {
  let { body } = request;
  for (const name of request.collection.secrets) {
    const path = name.split('.');
    if (isJsonObject(body) && [valueAt(body, path)].flat().some(isReference))
      body = replace(name, path, body);
  }
  return { ...request, body };
}

function valueOf(reference: SecretReference, path: string, environment: Environment) {
  if ('env' in reference) {
    const value = environment[reference.env];
    return value === undefined || value === '' ? undefined : new Secret(value);
  }
  try {
    const text = readFileSync(resolve(dirname(path), reference.file), 'utf8');
    const value = text.replace(/\r?\n$/, '');
    return value === '' ? undefined : new Secret(value);
  } catch {
    return undefined;
  }
}

function described(reference: SecretReference): string {
  return 'env' in reference ? `the variable ${reference.env}` : `the file ${reference.file}`;
}

function replaced(body: JsonObject, path: readonly string[], value: unknown): JsonObject {
  const [step = '', ...rest] = path;
  if (rest.length === 0) return { ...body, [step]: value };
  const inner = body[step];
  return { ...body, [step]: replaced(isJsonObject(inner) ? inner : {}, rest, value) };
}
