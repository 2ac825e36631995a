import { describe, expect, test } from 'vitest';
import { toolRule } from '#lib/contract/tool-policy';
import { upstreamOf } from '../gateway-fixture.js';
import { filterTools } from './filter-tools.js';
import { refusalFor } from './refusal-for.js';
import { toolGateOf } from './tool-gate.js';

const rule = (given: object) => toolRule.parse(given);
const demo = upstreamOf('demo', 'https://demo.example', {
  type: 'mcp',
  access: { scopes: ['mcp'], claims: {} },
  tools: {
    default: 'allow',
    rules: {
      status: rule({ public: true }),
      'admin_*': rule({ claims: { roles: { includes: 'admin' } } }),
      write: rule({ scopes: ['write'] }),
      secret: rule({ hidden: true }),
    },
  },
  heldTools: ['changed', 'secret'],
});
const gate = toolGateOf(demo);
const alice = { scopes: ['mcp'], claims: { roles: ['admin'] } };
const bob = { scopes: ['mcp', 'write'], claims: {} };
const tools = ['status', 'admin_x', 'write', 'secret', 'changed', 'other'].map((name) => ({
  name,
}));

describe('what a list shows', () => {
  test.each([
    ['nobody', undefined, ['status', 'admin_x', 'write', 'other']],
    ['whom a scope would help', alice, ['status', 'admin_x', 'write', 'other']],
    ['whom nothing would help', bob, ['status', 'write', 'other']],
  ])('to %s', (_who, who, names) => {
    expect(filterTools(gate, who, tools).map(({ name }) => name)).toEqual(names);
  });

  test('without a policy it is the list itself', () => {
    const { tools: _tools, heldTools: _held, ...plain } = demo;
    expect(filterTools(toolGateOf(plain), undefined, tools)).toBe(tools);
    expect(toolGateOf({ ...demo, type: 'http' })).toBeUndefined();
  });
});

describe('how a call is refused', () => {
  test.each([
    ['status', undefined, undefined],
    ['write', undefined, { kind: 'sign-in', scopes: ['mcp', 'write'] }],
    ['write', alice, { kind: 'step-up', scopes: ['mcp', 'write'] }],
    ['admin_x', bob, { kind: 'forbidden', detail: 'You may not use this tool.' }],
    ['secret', alice, { kind: 'unknown-tool' }],
    ['changed', bob, { kind: 'forbidden', detail: expect.stringContaining('was changed') }],
    ['other', bob, undefined],
  ])('%s for %j', (tool, who, refusal) => {
    const decided = gate && refusalFor(gate.decide(who, tool));
    if (refusal === undefined) expect(decided).toBeUndefined();
    else expect(decided).toMatchObject(refusal);
  });
});
