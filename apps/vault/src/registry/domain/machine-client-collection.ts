import type { FieldError } from '#lib/problem/problem';
import {
  type Collection,
  laterMembers,
  notSupported,
  type RegistryDocuments,
} from './collection.js';
import { adminAudienceDetail, opensRoutes } from './issuer-collection.js';
import { type JsonObject, valueAt } from './json.js';
import { type MachineClient, machineClient } from './machine-client.js';

export const machineClients: Collection<MachineClient> = {
  name: 'machine-clients',
  noun: 'machine client',
  schema: machineClient,
  secrets: [],
  immutable: {},
  guarded: [],
  notYet: (body) => [...laterMembers(body, ['workload', 'returnUris']), ...laterKind(body)],
  references: ({ upstreams }) =>
    upstreams === '*'
      ? []
      : upstreams.map((slug, index) => ({
          pointer: `/upstreams/${index}`,
          collection: 'upstreams',
          slug,
        })),
  calledUrls: ({ jwksUri }) =>
    jwksUri === undefined ? [] : [{ pointer: '/jwksUri', url: jwksUri }],
  effects: () => [],
  reentered: () => [],
  rules: (document, others) => [
    ...reservedName(document),
    ...adminAudienceConflicts(document, others),
  ],
};

// Consents name a service by its slug and all gateways together by `gateway`.
function reservedName({ kind, slug }: MachineClient): FieldError[] {
  if (kind === 'gateway' || slug !== 'gateway') return [];
  const detail =
    'A service of this slug would use what people allowed the gateways. Choose another.';
  return [{ pointer: '/slug', code: 'reserved', detail }];
}

function laterKind(body: JsonObject): FieldError[] {
  return body['kind'] === 'external' ? [notSupported('/kind', 'kind external')] : [];
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
