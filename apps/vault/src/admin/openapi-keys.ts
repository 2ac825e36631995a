import type { Operation } from './openapi-operations.js';

const tag = 'keys';
const status = { type: 'object' };
const underWay = { what: 'A rotation is under way.' };

/** Data keys and key-encryption keys: what there is, rotation, retirement. Never a key. */
export const keyOperations: readonly Operation[] = [
  {
    method: 'get',
    path: '/admin/v1/keys',
    tag,
    summary: 'Data keys, key-encryption keys, which may go, and the newest rotation',
    answers: { 200: { what: 'Ids and counts; no key.', schema: status } },
  },
  {
    method: 'post',
    path: '/admin/v1/keys/rotate',
    tag,
    summary: 'Begin a rotation; everything goes on meanwhile',
    body: {
      'application/json': {
        type: 'object',
        required: ['what'],
        properties: { what: { enum: ['data-key', 'key-encryption-key'] } },
      },
    },
    answers: {
      202: { what: 'Begun; GET /admin/v1/keys says how far it is.', schema: status },
      409: underWay,
      422: { what: 'Not one of the two.' },
      503: { what: 'The key-encryption key cannot be used now; the detail says why.' },
    },
  },
  {
    method: 'post',
    path: '/admin/v1/keys/{id}/retire',
    tag,
    summary: 'Delete a data key once nothing is sealed by it',
    answers: {
      202: { what: 'Begun; it is deleted when no value is left under it.', schema: status },
      404: { what: 'There is no such data key.' },
      409: { what: 'It is the primary one, or a rotation is under way.' },
    },
  },
];
