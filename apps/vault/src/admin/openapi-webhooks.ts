import type { JsonObject } from '../registry/domain/json.js';
import { type Operation, page, paging } from './openapi-operations.js';

const text = { type: 'string' };
const time = { type: ['string', 'null'], format: 'date-time' };

const delivery: JsonObject = {
  type: 'object',
  properties: {
    id: text,
    messageId: { ...text, description: 'The webhook-id header, the same at every attempt.' },
    type: text,
    state: { enum: ['pending', 'delivered', 'failed'] },
    attempts: { type: 'integer' },
    lastAttemptAt: time,
    lastStatus: { type: ['integer', 'null'] },
    lastError: { type: ['string', 'null'] },
    nextAttemptAt: time,
    createdAt: time,
    endedAt: time,
    payload: { type: 'object' },
  },
};

const one = '/admin/v1/webhooks/{slug}';
const tag = 'webhooks';
const absent = { what: 'There is no such webhook or delivery.' };

/** Beside those that every collection has. */
export const webhookOperations: readonly Operation[] = [
  {
    method: 'get',
    path: `${one}/deliveries`,
    tag,
    summary: 'List what was and is to be delivered, newest first',
    query: { state: 'pending, delivered or failed.', ...paging },
    answers: { 200: { what: 'One page.', schema: page(delivery) }, 404: absent },
  },
  {
    method: 'post',
    path: `${one}/deliveries/{id}/redeliver`,
    tag,
    summary: 'Deliver once more, under the same webhook-id',
    answers: {
      202: { what: 'It is due now.', schema: delivery },
      404: absent,
      409: { what: 'It is being sent.' },
    },
  },
  {
    method: 'post',
    path: `${one}/test`,
    tag,
    summary: 'Send a webhook.test now, to a disabled endpoint too, and say what came of it',
    answers: { 200: { what: 'The delivery.', schema: delivery }, 404: absent },
  },
];
