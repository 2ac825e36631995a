import type { JsonObject } from '../registry/domain/json.js';
import { dryRun, type Operation, page, paging } from './openapi-operations.js';

const text = { type: 'string' };
const texts = { type: 'array', items: text };
const time = { type: ['string', 'null'], format: 'date-time' };

const problem: JsonObject = {
  type: ['object', 'null'],
  description: 'Why it does not serve, or soon will not; null where nothing is wrong.',
  properties: {
    code: {
      enum: [
        'invalid_grant',
        'restored_backup',
        'suspended',
        'provider_failing',
        'misconfigured',
        'expired',
        'rejected_by_upstream',
        'scope_missing',
      ],
    },
    detail: text,
    since: time,
    lastAttemptAt: time,
    nextAttemptAt: time,
    failures: { type: 'integer' },
    fix: { ...text, description: 'What to do about it.' },
  },
};

const revocation: JsonObject = {
  type: ['object', 'null'],
  description: 'What the provider was last told of a grant that was ended.',
  properties: {
    state: { enum: ['pending', 'revoked', 'not-supported', 'expired', 'superseded', 'failed'] },
    attempts: { type: 'integer' },
    nextAttemptAt: time,
    endedAt: time,
  },
};

const entry: JsonObject = {
  type: 'object',
  properties: {
    id: text,
    issuer: text,
    subject: text,
    oauthClient: { type: ['string', 'null'], description: 'Null where the token was brought.' },
    upstream: { type: ['string', 'null'] },
    status: { enum: ['active', 'refreshing', 'needs_consent', 'revoked'] },
    reason: { type: ['string', 'null'] },
    since: time,
    requestedScopes: texts,
    grantedScopes: texts,
    applications: texts,
    problem,
    revocation,
  },
};

const report: JsonObject = {
  type: 'object',
  properties: {
    grantId: text,
    atProvider: { enum: ['revoked', 'not-supported', 'failed', 'nothing-to-revoke'] },
    detail: text,
    retrying: { type: 'boolean', description: 'The provider is asked again in the background.' },
    remaining: {
      type: 'array',
      description: 'What may still be valid somewhere, and until when.',
      items: {
        type: 'object',
        properties: {
          token: { enum: ['refresh_token', 'access_token'] },
          validUntil: time,
          detail: text,
        },
      },
    },
  },
};

const item: JsonObject = {
  type: 'object',
  required: ['issuer', 'subject', 'oauthClient', 'refreshToken'],
  properties: {
    issuer: text,
    subject: text,
    oauthClient: text,
    upstream: { ...text, description: 'Unless the oauth client shares its grants.' },
    refreshToken: { ...text, writeOnly: true },
    scopes: { ...texts, description: 'As consented there; by default those of the oauth client.' },
    account: { type: 'object', properties: { subject: text, name: text } },
    consentedApplications: {
      ...texts,
      description: 'Client ids that the person has already allowed; without it each asks.',
    },
  },
};

const results: JsonObject = {
  type: 'object',
  properties: {
    dryRun: { type: 'boolean' },
    counts: { type: 'object', additionalProperties: { type: 'integer' } },
    results: {
      type: 'array',
      items: {
        type: 'object',
        properties: {
          index: { type: 'integer' },
          status: { enum: ['imported', 'valid', 'exists', 'refused', 'failed'] },
          detail: text,
          grantId: text,
        },
      },
    },
  },
};

const by = 'Only those of this one.';
const one = '/admin/v1/grants/{id}';
const absent = { what: 'There is no such grant.' };

export const grantOperations: readonly Operation[] = [
  {
    method: 'get',
    path: '/admin/v1/grants',
    tag: 'grants',
    summary: 'List what people granted; never a token',
    query: {
      ...{ issuer: by, subject: by, oauthClient: by, upstream: by, application: by },
      status: 'active, refreshing, needs_consent or revoked.',
      broken: 'true: those with a problem; false: those without.',
      ...paging,
    },
    answers: { 200: { what: 'One page.', schema: page(entry) } },
  },
  {
    method: 'get',
    path: one,
    tag: 'grants',
    summary: 'Read one grant: why it does not work, since when, and what to do',
    answers: { 200: { what: 'The grant.', schema: entry }, 404: absent },
  },
  {
    method: 'delete',
    path: one,
    tag: 'grants',
    summary: 'Revoke one grant, here and at the provider (RFC 7009)',
    answers: {
      200: { what: 'What was achieved, and what stays valid until when.', schema: report },
      404: absent,
    },
  },
  {
    method: 'post',
    path: '/admin/v1/grants/import',
    tag: 'grants',
    summary:
      'Take over refresh tokens of another system, each proven by a refresh; may be repeated',
    query: dryRun,
    body: {
      'application/json': { type: 'array', maxItems: 1000, items: item },
      'application/x-ndjson': item,
    },
    answers: {
      200: { what: 'What came of each item, in order.', schema: results },
      413: { what: 'More than 1,000 items or 1 MiB.' },
    },
  },
];
