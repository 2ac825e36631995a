import type { Operation } from './openapi-operations.js';

const tag = 'recoveries';
const path = '/admin/v1/recoveries';
const status = { type: 'object' };
const answers = {
  200: { what: 'How it stands.', schema: status },
  404: { what: 'There is no such recovery.' },
  409: { what: 'It is in another state; the detail says which.' },
};

/** After a restored backup: which refresh tokens still live. */
export const recoveryOperations: readonly Operation[] = [
  {
    method: 'get',
    path,
    tag,
    summary: 'Recoveries after a restored backup, newest first, and how far each provider is',
    answers: { 200: { what: 'The newest twenty.', schema: status } },
  },
  {
    method: 'post',
    path,
    tag,
    summary: 'Hold what came with a restored backup, and test it slowly',
    body: {
      'application/json': {
        type: 'object',
        properties: {
          backupTime: { type: 'string', format: 'date-time' },
          ratePerMinute: { type: 'integer', default: 30 },
          breakerShare: { type: 'number', default: 0.5 },
          oauthClient: { type: 'string' },
        },
      },
    },
    answers: {
      202: { what: 'Begun.', schema: status },
      409: { what: 'One is under way.' },
      422: { what: 'Not valid.' },
    },
  },
  {
    method: 'post',
    path: `${path}/replay`,
    tag,
    summary: 'Revoke and remove again what an audit export says was ended after the backup',
    body: {
      'application/json': {
        type: 'object',
        properties: {
          grants: { type: 'array', items: { type: 'object' } },
          consents: { type: 'array', items: { type: 'object' } },
        },
      },
    },
    answers: { 200: { what: 'How many, and what was ended already.', schema: status } },
  },
  {
    method: 'get',
    path: `${path}/{id}`,
    tag,
    summary: 'Read one recovery',
    answers: { 200: answers[200], 404: answers[404] },
  },
  {
    method: 'post',
    path: `${path}/{id}/stop`,
    tag,
    summary: 'Test nothing more; with release, give up the tests and refresh as before',
    body: { 'application/json': { type: 'object', properties: { release: { type: 'boolean' } } } },
    answers,
  },
  {
    method: 'post',
    path: `${path}/{id}/continue`,
    tag,
    summary: 'Go on after a stop, and with providers whose tokens were mostly dead',
    body: {
      'application/json': { type: 'object', properties: { oauthClient: { type: 'string' } } },
    },
    answers,
  },
];
