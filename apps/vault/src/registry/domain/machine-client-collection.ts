import type { FieldError } from '#lib/problem/problem';
import { type CalledUrl, type Collection, type RegistryDocuments } from './collection.js';
import { adminAudienceDetail, namesOf, opensRoutes } from './issuer-collection.js';
import { valueAt } from './json.js';
import { type MachineClient, machineClient, type Workload } from './machine-client.js';

export const machineClients: Collection<MachineClient> = {
  name: 'machine-clients',
  noun: 'machine client',
  schema: machineClient,
  secrets: [],
  immutable: {},
  guarded: [],
  notYet: () => [],
  references: ({ upstreams }) =>
    upstreams === '*'
      ? []
      : upstreams.map((slug, index) => ({
          pointer: `/upstreams/${index}`,
          collection: 'upstreams',
          slug,
        })),
  calledUrls: ({ jwksUri, workload }) => [
    ...(jwksUri === undefined ? [] : [{ pointer: '/jwksUri', url: jwksUri }]),
    ...(workload === undefined ? [] : [keysOf(workload)]),
  ],
  effects: () => [],
  reentered: () => [],
  rules: (document, others) => [
    ...reservedName(document),
    ...everyUpstream(document),
    ...adminAudienceConflicts(document, others),
    ...workloadConflicts(document, others),
  ],
};

function keysOf({ issuer, jwksUri }: Workload): CalledUrl {
  return jwksUri === undefined
    ? { pointer: '/workload/issuer', url: issuer }
    : { pointer: '/workload/jwksUri', url: jwksUri };
}

// A token says who its client is by issuer and subject alone; and a person's token must never be a client's.
function workloadConflicts(
  { slug, workload }: MachineClient,
  others: RegistryDocuments,
): FieldError[] {
  if (workload === undefined) return [];
  const { issuer, subject } = workload;
  const ofPeople = others.issuers.some((one) => namesOf(one).some(({ name }) => name === issuer));
  if (ofPeople)
    return [
      {
        pointer: '/workload/issuer',
        code: 'issuer-of-people',
        detail: 'People sign in at this issuer. A workload needs an issuer of its own.',
      },
    ];
  const twin = others['machine-clients'].find(
    (one) =>
      one['slug'] !== slug &&
      valueAt(one, ['workload', 'issuer']) === issuer &&
      valueAt(one, ['workload', 'subject']) === subject,
  );
  if (twin === undefined) return [];
  const detail = `The machine client "${String(twin['slug'])}" is this workload already.`;
  return [{ pointer: '/workload/subject', code: 'taken', detail }];
}

// Consents name a service by its slug and all gateways together by `gateway`.
function reservedName({ kind, slug }: MachineClient): FieldError[] {
  if (kind === 'gateway' || slug !== 'gateway') return [];
  const detail =
    'A service of this slug would use what people allowed the gateways. Choose another.';
  return [{ pointer: '/slug', code: 'reserved', detail }];
}

// Of whom a token is taken is named one by one: what is registered later is nothing that anybody has agreed to.
function everyUpstream({ kind, upstreams }: MachineClient): FieldError[] {
  if (kind !== 'external' || upstreams !== '*') return [];
  const detail = 'A machine client of kind external names each upstream whose tokens it brings.';
  return [{ pointer: '/upstreams', code: 'invalid-value', detail }];
}

function adminAudienceConflicts(document: MachineClient, others: RegistryDocuments): FieldError[] {
  const admins = others.issuers
    .map((issuer) => valueAt(issuer, ['admin', 'audience']))
    .filter((audience) => typeof audience === 'string');
  const own = [
    ...(document.publicUrl === undefined
      ? []
      : [{ pointer: '/publicUrl', value: document.publicUrl }]),
    ...document.audiences.map((value, index) => ({ pointer: `/audiences/${index}`, value })),
  ];
  return own
    .filter(({ value }) => admins.some((admin) => opensRoutes(admin, [value])))
    .map(({ pointer }) => ({ pointer, code: 'admin-audience', detail: adminAudienceDetail }));
}
