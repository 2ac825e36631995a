import { type Operation, page, paging } from './openapi-operations.js';

const text = { type: 'string' };
const time = { type: ['string', 'null'], format: 'date-time' };
const tag = 'sign-in-clients';
const path = '/admin/v1/sign-in-clients';

const client = {
  type: 'object',
  properties: {
    clientId: text,
    name: { ...text, description: 'What it calls itself; nobody has checked it.' },
    redirectUris: { type: 'array', items: text },
    createdAt: time,
    lastSignInAt: time,
    expiresAt: time,
  },
};

/** Clients that registered themselves where people consent as they sign in. */
export const signInClientOperations: readonly Operation[] = [
  {
    ...{ method: 'get', path, tag },
    summary: 'List clients that registered themselves (RFC 7591), by client id',
    query: paging,
    answers: { 200: { what: 'One page.', schema: page(client) } },
  },
  {
    ...{ method: 'delete', path: `${path}/{id}`, tag },
    summary: 'Remove one, and end every sign-in that it had',
    answers: { 204: { what: 'It is gone.' }, 404: { what: 'There is no such client.' } },
  },
];
