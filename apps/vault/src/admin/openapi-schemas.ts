import { z } from 'zod';
import type { Collection } from '../registry/domain/collection.js';
import type { JsonObject } from '../registry/domain/json.js';

const text = { type: 'string' };
const time = { type: 'string', format: 'date-time' };
const texts = { type: 'array', items: text };

/** RFC 9457 with what we add. */
export const problemSchema: JsonObject = {
  type: 'object',
  required: ['type', 'title', 'status', 'detail', 'requestId'],
  properties: {
    type: { type: 'string', examples: ['urn:symbolon:validation-failed'] },
    title: text,
    status: { type: 'integer' },
    detail: text,
    requestId: text,
    errors: {
      type: 'array',
      items: {
        type: 'object',
        required: ['pointer', 'code', 'detail'],
        properties: { pointer: text, code: text, detail: text },
      },
    },
  },
};

/** What `?dryRun=true` and `apply` answer of one change. */
export const changeSchema: JsonObject = {
  type: 'object',
  properties: {
    collection: text,
    slug: text,
    action: { enum: ['created', 'updated', 'deleted', 'unchanged'] },
    changes: {
      type: 'array',
      items: { type: 'object', properties: { pointer: text, before: {}, after: {} } },
    },
    effects: {
      type: 'array',
      items: {
        type: 'object',
        properties: {
          kind: {
            enum: ['suspend-grants', 'void-consents', 'end-sessions', 'set-secret', 'warning'],
          },
          detail: text,
          count: { type: 'integer' },
        },
      },
    },
  },
};

const readOnlyMembers = {
  id: text,
  version: { type: 'integer' },
  createdAt: time,
  updatedAt: time,
  secretsSet: { ...texts, description: 'Names of the write-only secrets that have a value.' },
};

const oauthClientMembers = {
  redirectUri: { ...text, description: 'Register exactly this address at the provider.' },
  signingKeysUri: {
    ...text,
    description: 'Our public keys (JWKS): register it where clientAuth is private_key_jwt.',
  },
  registered: {
    type: 'object',
    description:
      'What the vault was made when it registered itself, where registration is not static.',
    properties: {
      clientId: text,
      authorizationServer: text,
      registeredAt: time,
      clientSecretExpiresAt: { type: ['string', 'null'], format: 'date-time' },
    },
  },
  status: { enum: ['draft', 'ready', 'failing'] },
  missing: { ...texts, description: 'Members without which it stays a draft.' },
  failure: { ...text, description: 'What the last check found wrong.' },
};

const webhookMembers = {
  status: { enum: ['draft', 'ready', 'disabled', 'failing'] },
  missing: { ...texts, description: 'Members without which it stays a draft.' },
  failure: { ...text, description: 'Why the vault disabled it.' },
};

/** A resource as it is sent and as it is answered, from the schema that the API itself parses by. */
export function resourceSchema(collection: Collection<object>): JsonObject {
  const { properties, ...schema } = z.toJSONSchema(collection.schema, {
    io: 'input',
    unrepresentable: 'any',
  });
  const computed = {
    ...readOnlyMembers,
    ...(collection.name === 'oauth-clients' ? oauthClientMembers : {}),
    ...(collection.name === 'webhooks' ? webhookMembers : {}),
  };
  const readOnly = Object.entries(computed).map(([name, member]) => [
    name,
    { ...member, readOnly: true },
  ]);
  const { $schema: _, ...rest } = schema;
  return {
    ...rest,
    properties: markSecrets({ ...properties }, collection.secrets),
    'x-immutable': ['slug', ...Object.keys(collection.immutable)],
    'x-bootstrap-token-only': collection.guarded,
    allOf: [{ type: 'object', properties: Object.fromEntries(readOnly) as JsonObject }],
  };
}

function markSecrets(properties: JsonObject, secrets: readonly string[]): JsonObject {
  return secrets.reduce((marked, name) => mark(marked, name.split('.')), properties);
}

function mark(properties: JsonObject, path: readonly string[]): JsonObject {
  const [step = '', ...rest] = path;
  const member = properties[step] as JsonObject;
  return { ...properties, [step]: rest.length > 0 ? markInside(member, rest) : asSecret(member) };
}

/** In the object itself, or in those of its alternatives that have it. */
function markInside(member: JsonObject, path: readonly string[]): JsonObject {
  const properties = member['properties'] as JsonObject | undefined;
  if (properties !== undefined && path[0] !== undefined && path[0] in properties)
    return { ...member, properties: mark(properties, path) };
  const alternatives = member['oneOf'];
  if (!Array.isArray(alternatives)) return member;
  return { ...member, oneOf: alternatives.map((one: JsonObject) => markInside(one, path)) };
}

function asSecret(member: JsonObject): JsonObject {
  const description = 'One value, two while it is being rotated, or null to remove it.';
  return { ...member, writeOnly: true, description };
}
