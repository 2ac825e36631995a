import type { Operation } from './openapi-operations.js';

const text = { type: 'string' };
const path = '/admin/v1/upstreams/{slug}/tools';

/** What decides about tools, and what becomes of their changes. */
export const policyOperations: readonly Operation[] = [
  {
    method: 'post',
    path: '/admin/v1/policy/explain',
    tag: 'policy',
    summary: 'Who may use what, by which rule and why; auditors may ask too; no token is stored',
    body: {
      'application/json': {
        type: 'object',
        required: ['upstream'],
        properties: {
          token: text,
          caller: {
            type: 'object',
            required: ['issuer', 'application'],
            properties: {
              issuer: text,
              application: text,
              subject: text,
              scopes: { type: 'array', items: text },
              claims: { type: 'object' },
            },
          },
          anonymous: { const: true },
          upstream: text,
          tool: text,
          method: text,
          path: {
            ...text,
            description: 'Of an HTTP API: what follows /http/{upstream}, as it is sent.',
          },
          webSocket: { type: 'boolean' },
        },
      },
    },
    answers: {
      200: {
        what: 'Who, the decision for the upstream and for the tool, each rule or the HTTP call, what would help, and which credential.',
        schema: {
          type: 'object',
          properties: {
            upstream: text,
            who: { type: ['object', 'null'] },
            token: { type: 'object' },
            access: { type: 'object' },
            tool: { type: 'object' },
            tools: { type: 'array', items: { type: 'object' } },
            call: {
              type: 'object',
              description: 'Of an HTTP API, where method, path or webSocket is given.',
              properties: {
                decision: { enum: ['allowed', 'sign-in', 'insufficient-scope', 'refused'] },
                rule: {
                  enum: [
                    ...['target', 'application', 'access'],
                    ...['egress.methods', 'egress.paths', 'egress.webSocket', null],
                  ],
                },
                entry: text,
                why: text,
                allowed: { type: 'array', items: text },
                help: text,
              },
            },
            credential: { type: 'object' },
          },
        },
      },
      404: { what: 'There is no such upstream.' },
      422: {
        what: 'Not exactly one of token, caller and anonymous, an unknown issuer, or a path of an MCP server.',
      },
    },
  },
  {
    method: 'get',
    path,
    tag: 'upstreams',
    summary: 'The tools that a server lists, by fingerprint, and which of them wait',
    answers: {
      200: {
        what: 'Each fingerprint: approved, held, or changed (noticed and not held).',
        schema: {
          type: 'object',
          properties: {
            upstream: text,
            toolChanges: { enum: ['ignore', 'alert', 'hold'] },
            items: { type: 'array', items: { type: 'object' } },
          },
        },
      },
      404: { what: 'There is no such upstream.' },
    },
  },
  {
    method: 'delete',
    path,
    tag: 'upstreams',
    summary: 'Forget all that is known of the tools: what the server lists next is taken as it is',
    answers: {
      200: {
        what: 'How many names were forgotten, those that waited among them.',
        schema: {
          type: 'object',
          properties: { upstream: text, forgotten: { type: 'integer' } },
        },
      },
      404: { what: 'There is no such upstream.' },
    },
  },
  {
    method: 'post',
    path: `${path}/approve`,
    tag: 'upstreams',
    summary: 'Let changed tools through: some by name, or all that wait',
    body: {
      'application/json': {
        oneOf: [
          {
            type: 'object',
            required: ['names'],
            properties: { names: { type: 'array', items: text } },
          },
          { type: 'object', required: ['all'], properties: { all: { const: true } } },
        ],
      },
    },
    answers: {
      200: {
        what: 'The names that waited.',
        schema: {
          type: 'object',
          properties: { upstream: text, approved: { type: 'array', items: text } },
        },
      },
      404: { what: 'There is no such upstream.' },
    },
  },
];
