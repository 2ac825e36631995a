import { type FieldError, Problem } from '#lib/problem/problem';
import type { ChangeRequest } from './change-request.js';
import { collections } from './collections.js';
import { type CollectionName, collectionNames } from './domain/collection.js';
import { isJsonObject, type JsonObject, pointerOf } from './domain/json.js';
import type { RegistryRow } from './registry-row.js';

const apiVersion = 'symbolon/v1';

/** The registry as the document of the bootstrap file: references to environment variables instead of secrets. */
export function exportRegistry(rows: readonly RegistryRow[]): JsonObject {
  const of = (name: CollectionName): JsonObject[] =>
    rows.filter((row) => row.collection === name).map(exportRow);
  return {
    apiVersion,
    issuers: of('issuers'),
    applications: of('applications'),
    'oauth-clients': of('oauth-clients'),
    upstreams: of('upstreams'),
    'machine-clients': of('machine-clients'),
    webhooks: of('webhooks'),
  };
}

function exportRow(row: RegistryRow): JsonObject {
  return row.secretsSet.reduce<JsonObject>(
    (document, name) => withValue(document, name.split('.'), { env: variableName(row, name) }),
    { slug: row.slug, ...row.document },
  );
}

function variableName({ collection, slug }: RegistryRow, secret: string): string {
  return `${collection}_${slug}_${secret}`
    .replace(/([a-z])([A-Z])/g, '$1_$2')
    .replaceAll(/[^A-Za-z0-9]/g, '_')
    .toUpperCase();
}

function withValue(object: JsonObject, path: readonly string[], value: unknown): JsonObject {
  const [step = '', ...rest] = path;
  const inner = isJsonObject(object[step]) ? object[step] : {};
  return { ...object, [step]: rest.length === 0 ? value : withValue(inner, rest, value) };
}

/** The puts that a portable document asks for, in an order in which they can refer to each other. Throws Problem. */
export function requestsOf(document: unknown): ChangeRequest[] {
  if (!isJsonObject(document))
    throw new Problem(
      'invalid-request',
      `Send a document that begins with apiVersion: ${apiVersion}.`,
    );
  const errors = [...versionErrors(document), ...memberErrors(document)];
  const requests = collectionNames.flatMap((name) => listOf(document, name, errors));
  if (errors.length === 0) return requests;
  throw new Problem('validation-failed', 'Correct what the errors name.', { errors });
}

function versionErrors(document: JsonObject): FieldError[] {
  if (document['apiVersion'] === apiVersion) return [];
  const detail = `Give apiVersion: ${apiVersion}.`;
  return [{ pointer: '/apiVersion', code: 'invalid-value', detail }];
}

function memberErrors(document: JsonObject): FieldError[] {
  const known: readonly string[] = ['apiVersion', ...collectionNames];
  return Object.keys(document)
    .filter((member) => !known.includes(member))
    .map((member) => ({
      pointer: pointerOf([member]),
      code: 'unknown-field',
      detail: `There is no such collection. Known are ${collectionNames.join(', ')}.`,
    }));
}

function listOf(document: JsonObject, name: CollectionName, errors: FieldError[]): ChangeRequest[] {
  const list = document[name] ?? [];
  if (!Array.isArray(list)) {
    errors.push({ pointer: `/${name}`, code: 'invalid-type', detail: 'Must be a list.' });
    return [];
  }
  return list.flatMap((body: unknown, index) => {
    const at = `/${name}/${index}`;
    const slug = isJsonObject(body) ? body['slug'] : undefined;
    if (typeof slug === 'string')
      return [{ collection: collections[name], method: 'put', slug, body, at }];
    errors.push({ pointer: `${at}/slug`, code: 'required', detail: 'Each entry needs its slug.' });
    return [];
  });
}
