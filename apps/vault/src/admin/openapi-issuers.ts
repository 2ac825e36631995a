import { dryRun, type Operation } from './openapi-operations.js';

const token = { type: 'string' };
const checks = { type: 'object', properties: { checks: { type: 'array', items: {} } } };

/** What is done with an issuer beside changing it. */
export const issuerOperations: readonly Operation[] = [
  {
    method: 'post',
    path: '/admin/v1/issuers/{slug}/test',
    tag: 'issuers',
    summary: 'Explain a pasted access token claim by claim; nothing of it is stored',
    body: {
      'application/json': {
        type: 'object',
        required: ['token'],
        properties: { token, audience: token },
      },
    },
    answers: { 200: { what: 'Whether it is accepted, and each check.', schema: checks } },
  },
  {
    method: 'post',
    path: '/admin/v1/issuers/{slug}/move',
    tag: 'issuers',
    summary:
      'The same directory under another URL: everybody keeps what they granted (bootstrap token)',
    query: dryRun,
    body: {
      'application/json': {
        type: 'object',
        required: ['to'],
        properties: {
          to: token,
          acceptSeconds: { type: 'integer', default: 86_400 },
          confirmNewKeys: { type: 'boolean' },
        },
      },
    },
    answers: {
      200: {
        what: 'From, to, until when the old name counts, the changes, and the issuer with its ETag.',
        schema: { type: 'object' },
      },
      409: { what: 'Another issuer stands for the new name.' },
      422: { what: 'The new URL is not this issuer, or signs by other keys.' },
    },
  },
];
