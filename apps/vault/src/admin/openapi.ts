import { collections } from '../registry/collections.js';
import type { JsonObject } from '../registry/domain/json.js';
import { collectionOperations } from './openapi-collections.js';
import { externalOperations } from './openapi-external.js';
import { grantOperations } from './openapi-grants.js';
import { issuerOperations } from './openapi-issuers.js';
import { keyOperations } from './openapi-keys.js';
import { leaverOperations } from './openapi-leavers.js';
import { dryRun, openApiOperation, page, paging, type Operation } from './openapi-operations.js';
import { changeSchema, problemSchema, resourceSchema } from './openapi-schemas.js';
import { policyOperations } from './openapi-policy.js';
import { recoveryOperations } from './openapi-recoveries.js';
import { scimOperations } from './openapi-scim.js';
import { signInClientOperations } from './openapi-sign-in-clients.js';
import { templateOperations } from './openapi-templates.js';
import { webhookOperations } from './openapi-webhooks.js';

const change = { $ref: '#/components/schemas/change' };

/** Every operation of the admin API. */
export const adminOperations: readonly Operation[] = [
  ...Object.values(collections).flatMap(collectionOperations),
  ...issuerOperations,
  ...testOperations(),
  ...policyOperations,
  ...templateOperations,
  ...grantOperations,
  ...leaverOperations,
  ...scimOperations,
  ...signInClientOperations,
  ...webhookOperations,
  ...auditOperations(),
  ...keyOperations,
  ...recoveryOperations,
  ...portableOperations(),
];

/** All that is described: the admin API, and what backends of token pages call. */
export const operations: readonly Operation[] = [...adminOperations, ...externalOperations];

/** OpenAPI 3.1 of `/admin/v1` and `/external/v1`, made of the schemas that the API itself parses by. */
export function openApiDocument(publicUrl: string): JsonObject {
  const paths: Record<string, Record<string, JsonObject>> = {};
  for (const operation of operations)
    (paths[operation.path] ??= {})[operation.method] = openApiOperation(operation);
  const resources = Object.values(collections).map((one) => [one.name, resourceSchema(one)]);
  return {
    openapi: '3.1.0',
    info: {
      title: 'Symbolon vault: admin API',
      version: '1',
      description:
        'Bearer tokens only. Errors are RFC 9457 problems; validation errors name each place by pointer. Secrets are write-only.',
    },
    servers: [{ url: publicUrl }],
    security: [{ admin: [] }],
    paths,
    components: {
      securitySchemes: {
        admin: { type: 'http', scheme: 'bearer' },
        machine: { type: 'http', scheme: 'bearer', bearerFormat: 'private_key_jwt assertion' },
      },
      schemas: {
        problem: problemSchema,
        change: changeSchema,
        ...(Object.fromEntries(resources) as JsonObject),
      },
    },
  };
}

function testOperations(): Operation[] {
  const token = { type: 'string' };
  const checks = { type: 'object', properties: { checks: { type: 'array', items: {} } } };
  return [
    {
      method: 'post',
      path: '/admin/v1/oauth-clients/{slug}/test',
      tag: 'oauth-clients',
      summary: 'Try what can be tried without a person, in order',
      answers: { 200: { what: 'Each check: pass, fail or needs-user.', schema: checks } },
    },
    {
      method: 'post',
      path: '/admin/v1/oauth-clients/{slug}/register',
      tag: 'oauth-clients',
      summary: 'Register anew where registration is dynamic; what was granted is suspended',
      answers: {
        200: {
          what: 'The new client id, and how many grants are suspended.',
          schema: {
            type: 'object',
            properties: { clientId: token, suspendedGrants: { type: 'integer' } },
          },
        },
        409: { what: 'Its registration is not dynamic.' },
      },
    },
    {
      method: 'post',
      path: '/admin/v1/oauth-clients/{slug}/rotate-key',
      tag: 'oauth-clients',
      summary: 'Sign with a new key; the one before stays published until the next rotation',
      answers: {
        200: {
          what: 'The published keys, newest first.',
          schema: { type: 'object', properties: { keys: { type: 'array', items: {} } } },
        },
        409: { what: 'Its clientAuth is not private_key_jwt.' },
      },
    },
  ];
}

function auditOperations(): Operation[] {
  const event = { type: 'object' };
  const path = '/admin/v1/audit-events';
  const filters = {
    actor: 'A subject, a client id or the slug of a machine client.',
    action: 'Such as grant.stored.',
    from: 'RFC 3339, inclusive.',
    to: 'RFC 3339, exclusive.',
  };
  return [
    {
      method: 'get',
      path,
      tag: 'audit-events',
      summary: 'List what happened, newest first',
      query: { ...filters, ...paging },
      answers: { 200: { what: 'One page.', schema: page(event) } },
    },
    {
      method: 'get',
      path: `${path}/export`,
      tag: 'audit-events',
      summary: 'The log with its hash chain, one event a line',
      query: {
        after: 'A position: goes on behind it.',
        from: 'RFC 3339: the unbroken stretch of the chain that holds what happened from then on …',
        to: 'RFC 3339: … until before then.',
      },
      answers: {
        200: {
          what: 'NDJSON in the order of the chain.',
          schema: event,
          type: 'application/x-ndjson',
        },
      },
    },
    {
      method: 'get',
      path: `${path}/{id}`,
      tag: 'audit-events',
      summary: 'Read one audit event',
      answers: {
        200: { what: 'The event.', schema: event },
        404: { what: 'There is no such event.' },
      },
    },
  ];
}

function portableOperations(): Operation[] {
  const document = { type: 'object', required: ['apiVersion'] };
  const yaml = 'application/yaml';
  return [
    {
      method: 'get',
      path: '/admin/v1/export',
      tag: 'document',
      summary: 'The registry as one document, with references instead of secrets',
      answers: {
        200: { what: 'YAML, as SYMBOLON_BOOTSTRAP takes it.', schema: document, type: yaml },
      },
    },
    {
      method: 'post',
      path: '/admin/v1/apply',
      tag: 'document',
      summary: 'Put every resource of a document, all or none; a reference keeps the stored secret',
      query: dryRun,
      body: { [yaml]: document, 'application/json': document },
      answers: {
        200: { what: 'What came of each.', schema: { type: 'array', items: change } },
        422: { what: 'Not valid; pointers lead into the document.' },
      },
    },
  ];
}
