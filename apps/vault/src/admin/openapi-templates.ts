import type { JsonObject } from '../registry/domain/json.js';
import { type Operation, page } from './openapi-operations.js';

const text = { type: 'string' };
const texts = { type: 'array', items: text };
const variable = {
  type: 'object',
  required: ['description', 'pattern', 'example'],
  properties: { description: text, pattern: text, example: text, default: text, hosts: texts },
};

const template: JsonObject = {
  type: 'object',
  required: ['name', 'title', 'docs', 'register', 'variables', 'redirectUri'],
  properties: {
    name: { ...text, description: 'What an oauth client names as its template.' },
    title: text,
    docs: { ...text, format: 'uri' },
    register: { ...text, description: 'What to type at the provider.' },
    redirectUri: { ...text, description: 'With the slug of the oauth client.' },
    variables: { type: 'object', additionalProperties: variable },
    needs: { ...texts, description: 'Further members that the oauth client must have.' },
    clientAuth: text,
    scopes: { ...texts, description: 'Where the oauth client names none.' },
    scopesHint: text,
    quirks: { ...texts, description: 'What it puts right.' },
    refresh: { type: 'object' },
    keeps: { ...texts, description: 'What it keeps with each grant, as metadata.' },
    inject: { type: 'object' },
  },
};

export const templateOperations: readonly Operation[] = [
  {
    method: 'get',
    path: '/admin/v1/templates',
    tag: 'templates',
    summary: 'List the providers that are known, with the variables they need',
    answers: { 200: { what: 'All of them.', schema: page(template) } },
  },
  {
    method: 'get',
    path: '/admin/v1/templates/{name}',
    tag: 'templates',
    summary: 'Read one template: what to register there, and what it puts right',
    answers: {
      200: { what: 'The template.', schema: template },
      404: { what: 'There is no such template.' },
    },
  },
];
