import { type FieldError, Problem } from '#lib/problem/problem';
import type { Secret } from '#lib/secret/secret';
import { type ChangeRequest, type PlannedChange, prefixed } from './change-request.js';
import { collections } from './collections.js';
import { type CollectionName, type RegistryDocuments } from './domain/collection.js';
import { documentChanges } from './domain/document-changes.js';
import { canonicalJson, type JsonObject, pointerOf, valueAt } from './domain/json.js';
import type { ChangeAuthority } from './registry-effects.js';
import type { RegistryRow } from './registry-row.js';
import type { ResourceChecks } from './resource-checks.js';
import { type StagedChange, stageChange } from './stage-change.js';
import type { SecretChanges } from './write-only-secrets.js';

export interface Planning {
  readonly checks: ResourceChecks;
  readonly authority: ChangeAuthority;
  /** Live values of a stored secret. */
  secrets(resourceId: string, name: string): Promise<readonly Secret[]>;
}

/** Works out what the requests come to, one after the other. Throws Problem with all that is wrong. */
export async function planChanges(
  requests: readonly ChangeRequest[],
  stored: readonly RegistryRow[],
  planning: Planning,
): Promise<PlannedChange[]> {
  let rows = stored;
  const plans: PlannedChange[] = [];
  const errors: FieldError[] = [];
  for (const request of requests) {
    const staged = stageChange(request, rows);
    const planned = await plan(staged, rows, planning);
    errors.push(...prefixed(planned.errors, request.at));
    if (planned.plan === undefined) continue;
    plans.push(planned.plan);
    rows = after(rows, planned.plan);
  }
  if (errors.length > 0)
    throw new Problem('validation-failed', 'Correct what the errors name and send it again.', {
      errors,
    });
  return plans;
}

function fieldErrors(
  staged: StagedChange,
  document: JsonObject,
  rows: readonly RegistryRow[],
): FieldError[] {
  const { request, slug } = staged;
  return [
    ...immutableErrors(staged, document),
    ...secretErrors(staged, document),
    ...secretPlaceErrors(staged, document),
    ...referenceErrors(request, document, rows),
    ...request.collection.rules(document, otherDocuments(rows, request, slug)),
  ];
}

interface Planned {
  readonly plan?: PlannedChange;
  readonly errors: readonly FieldError[];
}

async function plan(
  staged: StagedChange,
  rows: readonly RegistryRow[],
  planning: Planning,
): Promise<Planned> {
  const { request, slug, before } = staged;
  if (request.method === 'delete') {
    refuseInUse(request, slug, rows);
    const nothing = { secrets: new Map(), checkFailure: undefined, warnings: [] };
    const changes = documentChanges(before?.document, undefined);
    return {
      plan: { request, slug, before, document: undefined, changes, ...nothing },
      errors: [],
    };
  }
  if (staged.document === undefined || staged.errors.length > 0) return { errors: staged.errors };
  // Nothing is called on behalf of a document that is refused anyway.
  const faults = fieldErrors(staged, staged.document, rows);
  if (faults.length > 0) return { errors: faults };
  const { checks } = planning;
  const checked = await checks.check(request.collection, staged.document, before?.document);
  if (checked.errors.length > 0) return { errors: checked.errors };
  const { document } = checked;
  refuseGuarded(staged, document, planning.authority);
  const secrets = await changedSecrets(withoutStray(staged, document), planning);
  const changes = documentChanges(before?.document, document);
  const { failure: checkFailure } = checked;
  const warnings = [...checked.warnings, ...(request.collection.warnings?.(document) ?? [])];
  return {
    plan: { request, slug, before, document, secrets, changes, checkFailure, warnings },
    errors: [],
  };
}

function after(rows: readonly RegistryRow[], { request, slug, before, document }: PlannedChange) {
  const others = rows.filter((row) => row !== before);
  if (document === undefined) return others;
  const fresh = {
    id: '',
    version: 0,
    createdAt: new Date(0),
    updatedAt: new Date(0),
    secretsSet: [],
    checkFailure: undefined,
  };
  return [...others, { ...fresh, ...before, collection: request.collection.name, slug, document }];
}

function otherDocuments(
  rows: readonly RegistryRow[],
  { collection }: ChangeRequest,
  slug: string,
): RegistryDocuments {
  const isSelf = (row: RegistryRow) => row.collection === collection.name && row.slug === slug;
  const of = (name: CollectionName) =>
    rows.filter((row) => row.collection === name && !isSelf(row)).map((row) => row.document);
  return {
    issuers: of('issuers'),
    applications: of('applications'),
    'oauth-clients': of('oauth-clients'),
    upstreams: of('upstreams'),
    'machine-clients': of('machine-clients'),
    webhooks: of('webhooks'),
  };
}

function differs(before: unknown, after: unknown, member: string): boolean {
  const path = member.split('.');
  return canonicalJson(valueAt(before, path)) !== canonicalJson(valueAt(after, path));
}

function immutableErrors({ request, before }: StagedChange, document: object): FieldError[] {
  if (before === undefined) return [];
  return Object.entries(request.collection.immutable)
    .filter(([member]) => request.move === undefined || member !== 'issuer')
    .filter(([member]) => differs(before.document, document, member))
    .map(([member, instead]) => ({
      pointer: pointerOf(member.split('.')),
      code: 'immutable',
      detail: `This never changes. ${instead}`,
    }));
}

function secretErrors({ request, before, secrets }: StagedChange, document: object): FieldError[] {
  if (before === undefined) return [];
  return request.collection
    .reentered(before.document, document)
    .filter((name) => before.secretsSet.includes(name) && !secrets.has(name))
    .map((name) => ({
      pointer: pointerOf(name.split('.')),
      code: 'secret-required',
      detail:
        'The change sends the stored secret to another address. Give the secret again with it, or null to remove it.',
    }));
}

/** Where the document decides which secrets there are: none beside them, and each of them. */
function secretPlaceErrors(
  { request, before, secrets }: StagedChange,
  document: object,
): FieldError[] {
  const places = request.collection.secretsOf?.(document);
  if (places === undefined) return [];
  const pointer = (name: string) => pointerOf(name.split('.'));
  const isSet = (name: string) =>
    secrets.has(name) ? secrets.get(name)?.length !== 0 : before?.secretsSet.includes(name);
  return [
    ...[...secrets.keys()]
      .filter((name) => !places.includes(name) && secrets.get(name)?.length !== 0)
      .map((name) => ({ pointer: pointer(name), code: 'unknown-field', detail: strayDetail })),
    ...places
      .filter((name) => isSet(name) !== true)
      .map((name) => ({ pointer: pointer(name), code: 'required', detail: missingDetail })),
  ];
}

const strayDetail = 'A credential of this type has no secret. Leave it out.';
const missingDetail = 'Is required: a credential of this type is nothing but its secret.';

/** A secret that the document has no use for any more is removed with the change. */
function withoutStray(staged: StagedChange, document: object): StagedChange {
  const places = staged.request.collection.secretsOf?.(document);
  const stray =
    (places && staged.before?.secretsSet.filter((name) => !places.includes(name))) ?? [];
  if (stray.length === 0) return staged;
  const removed = stray.map((name) => [name, []] as const);
  return { ...staged, secrets: new Map([...staged.secrets, ...removed]) };
}

function referenceErrors(
  { collection }: ChangeRequest,
  document: object,
  rows: readonly RegistryRow[],
): FieldError[] {
  return collection
    .references(document)
    .filter((to) => !rows.some((row) => row.collection === to.collection && row.slug === to.slug))
    .map(({ pointer, collection: name, slug }) => ({
      pointer,
      code: 'unknown-reference',
      detail: `There is no ${collections[name].noun} "${slug}". Create it first or correct the name.`,
    }));
}

function refuseInUse(
  { collection }: ChangeRequest,
  slug: string,
  rows: readonly RegistryRow[],
): void {
  const referrers = rows.flatMap((row) =>
    collections[row.collection]
      .references(row.document)
      .filter((to) => to.collection === collection.name && to.slug === slug)
      .map(({ pointer }) => ({ collection: row.collection, slug: row.slug, pointer })),
  );
  if (referrers.length === 0) return;
  const names = referrers.map((referrer) => `${referrer.collection}/${referrer.slug}`);
  throw new Problem('in-use', `Change or delete first: ${names.join(', ')}.`, {
    extra: { referrers },
  });
}

// Row 10: with these an administrator could take over everybody's identity.
function refuseGuarded(
  { request, before }: StagedChange,
  document: object,
  authority: ChangeAuthority,
): void {
  if (before === undefined || authority.bootstrap) return;
  const moved = request.collection.guarded.filter((m) => differs(before.document, document, m));
  if (moved.length === 0) return;
  const detail = 'Only the bootstrap token changes this: it decides whose tokens are believed.';
  throw new Problem('forbidden', detail, {
    errors: prefixed(
      moved.map((m) => ({ pointer: pointerOf(m.split('.')), code: 'bootstrap-only', detail })),
      request.at,
    ),
  });
}

async function changedSecrets(
  { before, secrets }: StagedChange,
  planning: Planning,
): Promise<SecretChanges> {
  const changed = new Map<string, readonly Secret[]>();
  for (const [name, values] of secrets) {
    const current = before === undefined ? [] : await planning.secrets(before.id, name);
    const same =
      current.length === values.length &&
      current.every((value, index) => value.reveal() === values[index]?.reveal());
    if (!same) changed.set(name, values);
  }
  return changed;
}
