import { type FieldError, Problem } from '#lib/problem/problem';
import type { ChangeRequest } from './change-request.js';
import { explainIssues } from './domain/explain-issues.js';
import {
  isDeeperThan,
  isJsonObject,
  isUnstorable,
  type JsonObject,
  mergePatch,
} from './domain/json.js';
import { slug as slugSchema } from './domain/names.js';
import { matchesEntityTag } from './entity-tag.js';
import type { RegistryRow } from './registry-row.js';
import { type SecretChanges, splitSecrets } from './write-only-secrets.js';

const maxDepth = 32;
/** Members that answers carry and bodies may carry back: the vault sets them, so they change nothing. */
const readOnly = [
  'id',
  'version',
  'createdAt',
  'updatedAt',
  'secretsSet',
  'redirectUri',
  'signingKeysUri',
  'registered',
  'status',
  'missing',
  'failure',
];

/** A request understood: its resource before, and the document it asks for, valid by itself. */
export interface StagedChange {
  readonly request: ChangeRequest;
  readonly slug: string;
  readonly before: RegistryRow | undefined;
  readonly document: JsonObject | undefined;
  readonly secrets: SecretChanges;
  readonly errors: readonly FieldError[];
}

/** Throws Problem where the request as a whole is refused; faults of fields are values. */
export function stageChange(request: ChangeRequest, rows: readonly RegistryRow[]): StagedChange {
  if (request.method === 'delete') return stageRemoval(request, rows);
  const body = bodyOf(request);
  const slug = request.slug ?? (typeof body['slug'] === 'string' ? body['slug'] : '');
  const before = find(rows, request, slug);
  checkConditions(request, slug, before);
  const errors: FieldError[] = [...slugErrors(request, body)];
  const split = splitSecrets({ ...body, slug }, request.collection);
  errors.push(...split.errors);
  const wanted =
    request.method === 'patch' ? mergePatch(before?.document, split.document) : split.document;
  const { document, faults } = parse(request, wanted as JsonObject);
  return {
    request,
    slug,
    before,
    document,
    secrets: split.secrets,
    errors: [...errors, ...faults],
  };
}

function stageRemoval(request: ChangeRequest, rows: readonly RegistryRow[]): StagedChange {
  const slug = request.slug ?? '';
  const before = find(rows, request, slug);
  checkConditions(request, slug, before);
  return { request, slug, before, document: undefined, secrets: new Map(), errors: [] };
}

function bodyOf({ body, collection }: ChangeRequest): JsonObject {
  if (!isJsonObject(body))
    throw new Problem('invalid-request', `Send the ${collection.noun} as a JSON object.`);
  if (isDeeperThan(body, maxDepth))
    throw new Problem('invalid-request', `The body is nested deeper than ${maxDepth} levels.`);
  if (isUnstorable(body))
    throw new Problem('invalid-request', 'The body holds U+0000 or half a surrogate pair.');
  return Object.fromEntries(Object.entries(body).filter(([member]) => !readOnly.includes(member)));
}

function find(rows: readonly RegistryRow[], { collection }: ChangeRequest, slug: string) {
  return rows.find((row) => row.collection === collection.name && row.slug === slug);
}

function checkConditions(
  { method, collection, ifMatch, createOnly }: ChangeRequest,
  slug: string,
  before: RegistryRow | undefined,
): void {
  if (before !== undefined && method === 'create')
    throw new Problem(
      'conflict',
      `There already is ${collection.noun} "${slug}". PUT replaces it.`,
    );
  if (before !== undefined && createOnly === true)
    throw new Problem('precondition-failed', `There already is ${collection.noun} "${slug}".`);
  if (ifMatch !== undefined && !(before && matchesEntityTag(ifMatch, before)))
    throw new Problem('precondition-failed', 'Read the resource again and repeat your change.');
  if (before === undefined && (method === 'patch' || method === 'delete'))
    throw new Problem('not-found', `There is no ${collection.noun} "${slug}".`);
}

function slugErrors(request: ChangeRequest, body: JsonObject): FieldError[] {
  const given = body['slug'];
  if (request.slug === undefined || given === undefined) return [];
  if (given === request.slug) return [];
  const detail = 'The slug is part of the address and never changes. Leave it out or repeat it.';
  return [{ pointer: '/slug', code: 'immutable', detail }];
}

function parse(
  { collection, slug, at = '' }: ChangeRequest,
  wanted: JsonObject,
): { document: JsonObject | undefined; faults: FieldError[] } {
  if (slug !== undefined && !slugSchema.safeParse(slug).success)
    throw new Problem('not-found', 'A slug has 1 to 63 of a-z, 0-9 and -.');
  const later = collection.notYet(wanted);
  if (later.length > 0)
    throw new Problem('not-supported', 'The request asks for what this version does not do yet.', {
      errors: later.map((error) => ({ ...error, pointer: `${at}${error.pointer}` })),
    });
  const parsed = collection.schema.safeParse(wanted);
  return parsed.success
    ? { document: parsed.data as JsonObject, faults: [] }
    : { document: undefined, faults: explainIssues(parsed.error.issues, wanted) };
}
