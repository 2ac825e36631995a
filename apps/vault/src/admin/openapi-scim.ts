import type { Operation } from './openapi-operations.js';

const text = { type: 'string' };
const time = { type: ['string', 'null'], format: 'date-time' };
const subjectAttribute = { enum: ['externalId', 'userName'] };
const token = { id: text, createdAt: time, lastUsedAt: time };
const service = {
  type: 'object',
  properties: {
    issuer: text,
    baseUrl: text,
    subjectAttribute,
    tokens: { type: 'array', items: { type: 'object', properties: token } },
  },
};

const tag = 'issuers';
const path = '/admin/v1/issuers/{slug}/scim';
const absent = { what: 'There is no such issuer, or it has no SCIM service.' };

/** By which an identity provider tells who is active; the service itself is at `baseUrl`. */
export const scimOperations: readonly Operation[] = [
  {
    ...{ method: 'get', path, tag },
    summary: 'Read the SCIM service of an issuer’s identity provider',
    answers: { 200: { what: 'The service; no token.', schema: service }, 404: absent },
  },
  {
    ...{ method: 'put', path, tag },
    summary: 'Make a SCIM service, or name the attribute that is the subject of tokens',
    body: { 'application/json': { type: 'object', properties: { subjectAttribute } } },
    answers: {
      200: { what: 'The service.', schema: service },
      404: absent,
      409: { what: 'Users are known by the other attribute.' },
      422: { what: 'Not valid.' },
    },
  },
  {
    ...{ method: 'delete', path, tag },
    summary: 'Remove the SCIM service with its tokens and users; bars stay',
    answers: { 204: { what: 'Removed.' }, 404: absent },
  },
  {
    ...{ method: 'post', path: `${path}/tokens`, tag },
    summary: 'Make a token for the identity provider; it is shown this once',
    answers: {
      201: {
        what: 'The token.',
        schema: { type: 'object', properties: { ...token, token: text } },
      },
      404: absent,
      409: { what: 'There are two already.' },
    },
  },
  {
    ...{ method: 'delete', path: `${path}/tokens/{id}`, tag },
    summary: 'End a token of the identity provider',
    answers: { 204: { what: 'It opens nothing any more.' }, 404: absent },
  },
];
