import { z } from 'zod';
import { handover } from '../external/handover.js';
import type { JsonObject } from '../registry/domain/json.js';
import type { Operation } from './openapi-operations.js';

const text = { type: 'string' };
const path = '/external/v1/interactions/{id}';
const standing = { enum: ['pending', 'confirming', 'completed', 'declined', 'expired'] };

/** For the backends of pages that bring tokens: by the assertion of a machine client of kind external. */
export const externalOperations: readonly Operation[] = [
  {
    method: 'get',
    path,
    tag: 'external',
    by: 'machine',
    summary: 'What the person has allowed, and is to bring a token for',
    answers: {
      200: {
        what: 'Not who the person is: that the page has to know itself.',
        schema: {
          type: 'object',
          properties: {
            ...{ interaction_id: text, status: standing, purpose: text, upstream: text },
            ...{ upstream_name: text, application: { type: ['string', 'null'] } },
            ...{ expires_in: { type: 'integer' }, return_uri: text },
          },
        },
      },
      404: { what: 'None of this client’s upstreams, or not allowed by the person yet.' },
    },
  },
  {
    method: 'post',
    path: `${path}/token`,
    tag: 'external',
    by: 'machine',
    summary: 'Hand the token over, for the person whom the page signed in itself',
    body: { 'application/json': z.toJSONSchema(handover, { io: 'input' }) as JsonObject },
    answers: {
      200: {
        what: 'Kept; confirming: the person has to say which account stays.',
        schema: {
          type: 'object',
          properties: { interaction_id: text, status: standing, return_uri: text },
        },
      },
      404: { what: 'None of this client’s upstreams, or not allowed by the person yet.' },
      409: { what: 'It has ended: brought already, declined, or too late.' },
      422: { what: 'What is wrong, by pointer; the interaction stays open.' },
    },
  },
];
