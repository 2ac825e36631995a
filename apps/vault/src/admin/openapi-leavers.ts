import type { JsonObject } from '../registry/domain/json.js';
import { type Operation, page, paging } from './openapi-operations.js';

const text = { type: 'string' };
const count = { type: 'integer' };
const time = { type: ['string', 'null'], format: 'date-time' };
const nullable = { type: ['string', 'null'] };
const list = (items: JsonObject): JsonObject => ({ type: 'array', items });
const object = (properties: JsonObject): JsonObject => ({ type: 'object', properties });

const tokens = list(
  object({
    token: { enum: ['refresh_token', 'access_token'] },
    oauthClient: nullable,
    state: { enum: ['pending', 'revoked', 'not-supported', 'expired', 'superseded', 'failed'] },
    attempts: count,
    lastAttemptAt: time,
    nextAttemptAt: time,
    retriedUntil: time,
    endedAt: time,
    validUntil: time,
  }),
);

const connection = object({
  grantId: text,
  oauthClient: nullable,
  upstream: nullable,
  account: { type: ['object', 'null'], properties: { subject: text, name: nullable } },
  scopes: list(text),
  statusBefore: text,
  connectedAt: time,
  lastUsedAt: time,
  endedAt: time,
  atProvider: { enum: ['revoked', 'pending', 'not-supported', 'failed', 'nothing-to-revoke'] },
  detail: text,
  tokens,
  remaining: list(object({ token: text, validUntil: time, detail: text })),
});

const receipt = object({
  leaver: text,
  issuer: text,
  subject: text,
  reason: nullable,
  orderedBy: { type: 'object' },
  orderedAt: time,
  requestId: text,
  endedHereAt: time,
  settledAt: time,
  ended: object({ connections: count, consents: count, interactions: count, sessions: count }),
  connections: list(connection),
  otherTokens: tokens,
  stillValid: object({ atGatewaysUntil: time, latest: time, unlimited: { type: 'boolean' } }),
});

const summary = {
  id: text,
  issuer: text,
  subject: text,
  status: { enum: ['ending', 'waiting', 'complete'] },
  orderedAt: time,
  bar: object({
    inForce: { type: 'boolean' },
    setBy: { enum: ['admin', 'scim'] },
    liftedAt: time,
    liftedBy: { type: ['object', 'null'] },
  }),
};

const entry = object({
  ...summary,
  receipt,
  digest: {
    type: 'object',
    description:
      'SHA-256 of `receipt` as RFC 8785 writes it; final once every provider has answered.',
    properties: { sha256: text, final: { type: 'boolean' } },
  },
  audit: object({ records: list({ type: 'object' }), head: { type: ['object', 'null'] } }),
});

const tag = 'leavers';
const path = '/admin/v1/leavers';
const one = `${path}/{id}`;
const absent = { what: 'There is no such leaver.' };

/** People who left: everything of theirs is ended by one call. */
export const leaverOperations: readonly Operation[] = [
  {
    ...{ method: 'post', path, tag },
    summary: 'End everything of a person, and bar them; again is safe',
    body: {
      'application/json': {
        ...object({ issuer: text, subject: text, reason: text }),
        required: ['issuer', 'subject'],
      },
    },
    answers: {
      200: { what: 'All is over, every provider has answered: the final receipt.', schema: entry },
      202: { what: 'All is over here; a provider is still to answer.', schema: entry },
      422: { what: 'Not valid, or no such issuer.' },
    },
  },
  {
    ...{ method: 'get', path, tag },
    summary: 'List people who left, newest first',
    query: {
      issuer: 'Slug.',
      subject: 'Exactly.',
      status: 'ending, waiting or complete.',
      barred: 'true or false.',
      ...paging,
    },
    answers: { 200: { what: 'One page.', schema: page(object(summary)) } },
  },
  {
    ...{ method: 'get', path: one, tag },
    summary: 'The receipt as it stands now',
    answers: { 200: { what: 'The receipt.', schema: entry }, 404: absent },
  },
  {
    ...{ method: 'delete', path: one, tag },
    summary: 'Lift the bar: the person may begin anew; the receipt stays',
    answers: { 200: { what: 'The receipt.', schema: entry }, 404: absent },
  },
];
