import type { FieldError } from '#lib/problem/problem';
import type { Collection, RegistryDocuments } from './collection.js';
import { type Issuer, issuer } from './issuer.js';
import { canonicalJson, valueAt } from './json.js';

export const issuers: Collection<Issuer> = {
  name: 'issuers',
  noun: 'issuer',
  schema: issuer,
  secrets: ['login.clientSecret'],
  immutable: {
    issuer:
      'Its people and their grants belong to this issuer. If it moved to another URL: POST …/move. For another directory create another issuer.',
    subjectClaim:
      'It decides who is who; another claim would give grants to other people. Delete the issuer and create it anew.',
  },
  guarded: ['jwksUri', 'alsoIssuedAs', 'formerly', 'login.clientId'],
  notYet: () => [],
  references: () => [],
  calledUrls: (document) => [
    { pointer: '/issuer', url: document.issuer },
    ...(document.jwksUri === undefined ? [] : [{ pointer: '/jwksUri', url: document.jwksUri }]),
    ...document.formerly.flatMap(({ jwksUri: url }, index) =>
      url === undefined ? [] : [{ pointer: `/formerly/${index}/jwksUri`, url }],
    ),
  ],
  effects: (before, after) =>
    takesOver(before, after)
      ? [{ kind: 'end-sessions', reason: 'The issuer is verified or signed in at differently.' }]
      : [],
  reentered: () => [],
  rules: (document, others) => [
    ...sharedNames(document, others),
    ...workloadConflicts(document, others),
    ...adminAudienceConflicts(document, others),
  ],
};

function takesOver(before: Issuer, after: Issuer): boolean {
  return ['issuer', ...issuers.guarded].some((member) => {
    const path = member.split('.');
    return canonicalJson(valueAt(before, path)) !== canonicalJson(valueAt(after, path));
  });
}

// One `iss` names one directory: in two resources it would split one person in two.
function sharedNames(document: Issuer, others: RegistryDocuments): FieldError[] {
  const taken = new Map(
    others.issuers.flatMap((other) =>
      namesOf(other).map(({ name }) => [name, String(other['slug'])] as const),
    ),
  );
  return namesOf(document).flatMap(({ name, pointer }) => {
    const owner = taken.get(name);
    if (owner === undefined) return [];
    const detail = `The issuer "${owner}" already stands for this name. Each may stand in one resource only.`;
    return [{ pointer, code: 'duplicate', detail }];
  });
}

// A person's token must never be a machine client's assertion, whichever of the two is registered first.
function workloadConflicts(document: Issuer, others: RegistryDocuments): FieldError[] {
  const workloads = new Map(
    others['machine-clients'].map((one) => [
      valueAt(one, ['workload', 'issuer']),
      String(one['slug']),
    ]),
  );
  return namesOf(document).flatMap(({ name, pointer }) => {
    const client = workloads.get(name);
    if (client === undefined) return [];
    const detail = `The machine client "${client}" is a workload of this issuer. People need an issuer of their own.`;
    return [{ pointer, code: 'issuer-of-workloads', detail }];
  });
}

/** Every `iss` that stands for an issuer, former ones too, and where it does. */
export function namesOf(document: object): { name: string; pointer: string }[] {
  const listed = (member: string, part: readonly string[]) =>
    [valueAt(document, [member]) ?? []].flat().map((one, index) => ({
      name: part.length === 0 ? one : valueAt(one, part),
      pointer: `/${[member, index, ...part].join('/')}`,
    }));
  return [
    { name: valueAt(document, ['issuer']), pointer: '/issuer' },
    ...listed('alsoIssuedAs', []),
    ...listed('formerly', ['issuer']),
  ].flatMap(({ name, pointer }) => (typeof name === 'string' ? [{ name, pointer }] : []));
}

/** Audiences by which a token opens a route: none of them may be an admin audience. */
function callerAudiences(documents: RegistryDocuments): string[] {
  return [
    ...documents.issuers.flatMap((document) => document['audiences'] ?? []),
    ...documents['machine-clients'].flatMap((client) => [
      client['publicUrl'],
      ...[client['audiences'] ?? []].flat(),
    ]),
  ].filter((audience) => typeof audience === 'string');
}

/** The detail of `conflict` where an admin audience would also open the gateway. */
export const adminAudienceDetail =
  'An admin audience must be one that no caller of the gateway uses. Choose a separate one.';

/** Whether a token for `audience` would be good at a route of a caller's audience, too. */
export function opensRoutes(audience: string, callers: readonly string[]): boolean {
  return callers.some((caller) => audience === caller || audience.startsWith(`${caller}/`));
}

function adminAudienceConflicts(document: Issuer, others: RegistryDocuments): FieldError[] {
  const own = document.admin?.audience;
  const admins = [...others.issuers, document].flatMap(
    (one) => valueAt(one, ['admin', 'audience']) ?? [],
  );
  const conflicts: FieldError[] = document.audiences.flatMap((audience, index) =>
    admins.includes(audience)
      ? [{ pointer: `/audiences/${index}`, code: 'admin-audience', detail: adminAudienceDetail }]
      : [],
  );
  if (own !== undefined && opensRoutes(own, [...callerAudiences(others), ...document.audiences]))
    conflicts.push({
      pointer: '/admin/audience',
      code: 'admin-audience',
      detail: adminAudienceDetail,
    });
  return conflicts;
}
