import { describe, expect, test } from 'vitest';
import { policyRules, policyWarnings, toolScopes } from './policy-rules.js';
import { upstream } from './upstream.js';

const document = (tools: object | undefined, changes: object = {}) =>
  upstream.parse({
    slug: 'demo',
    name: 'Demo',
    type: 'mcp',
    url: 'https://demo.example/mcp',
    credential: { type: 'oauth', oauthClient: 'one' },
    ...(tools === undefined ? {} : { tools }),
    ...changes,
  });

describe('rules for tools that would do nothing are refused', () => {
  const faults: [what: string, document: ReturnType<typeof document>, pointer: string][] = [
    ['of an API', document({ default: 'deny' }, { type: 'http' }), '/tools'],
    [
      'public with scopes',
      document({ 'a/b': { public: true, scopes: ['x'] } }),
      '/tools/a~1b/public',
    ],
    ['public with claims', document({ a: { public: true, claims: { b: {} } } }), '/tools/a/public'],
    [
      'growth of what nobody consents to',
      document({ a: { upstreamScopes: ['x'] } }, { credential: { type: 'static' } }),
      '/tools/a/upstreamScopes',
    ],
  ];
  test.each(faults)('%s', (_what, given, pointer) => {
    expect(policyRules(given)).toMatchObject([{ pointer, code: 'conflict' }]);
  });

  test('others are not', () => {
    const tools = { default: 'deny', a: { public: true }, 'b*': { upstreamScopes: ['x', 'y'] } };
    expect(policyRules(document(tools))).toEqual([]);
    expect(policyRules(document(undefined, { type: 'http' }))).toEqual([]);
    expect(toolScopes(document({ ...tools, c: { upstreamScopes: ['y'] } }))).toEqual(['x', 'y']);
  });
});

test('a public tool without a credential for it is warned of', () => {
  const tools = { a: { public: true } };
  expect(policyWarnings(document(tools))).toHaveLength(1);
  expect(policyWarnings(document(tools, { publicCredential: { type: 'static' } }))).toEqual([]);
  expect(policyWarnings(document(tools, { credential: { type: 'none' } }))).toEqual([]);
  expect(policyWarnings(document({ a: { public: true, hidden: true } }))).toEqual([]);
});
