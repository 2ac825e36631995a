import { describe, expect, test } from 'vitest';
import { toolRule } from '#lib/contract/tool-policy';
import { upstreamOf } from '../gateway-fixture.js';
import { filterTools } from './filter-tools.js';
import { refusalFor } from './refusal-for.js';
import { decidedAfterLook, toolGateOf } from './tool-gate.js';
import type { ToolStanding } from './tool-inventory.js';

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
    ['secret', undefined, { kind: 'sign-in', scopes: ['mcp'] }],
    ['secret', { scopes: [], claims: {} }, { kind: 'step-up', scopes: ['mcp'] }],
    ['changed', bob, { kind: 'forbidden', detail: expect.stringContaining('was changed') }],
    ['other', bob, undefined],
  ])('%s for %j', (tool, who, refusal) => {
    const decided = gate && refusalFor(gate.decide(who, tool));
    if (refusal === undefined) expect(decided).toBeUndefined();
    else expect(decided).toMatchObject(refusal);
  });

  test('where unknown tools are denied, a hidden one is denied in the same words', () => {
    const closed = toolGateOf({
      ...demo,
      tools: { default: 'deny', rules: { secret: rule({ hidden: true }) } },
    });
    const answer = (tool: string) => closed && refusalFor(closed.decide(alice, tool));
    expect(answer('secret')).toMatchObject({ kind: 'forbidden' });
    expect(answer('secret')).toEqual(answer('nothing'));
  });
});

test('public tools need a credential that is nobody’s, or an upstream without any', () => {
  const admits = (changes: object) => toolGateOf({ ...demo, ...changes })?.admitsGuests;
  expect(admits({})).toBe(false);
  expect(admits({ public: true })).toBe(true);
  expect(admits({ open: ['public'] })).toBe(true);
  expect(admits({ open: ['discovery'], discovery: true })).toBe(false);
  expect(admits({ credential: { type: 'none' } })).toBe(true);
});

test('what this replica saw change is held beside what the configuration names', () => {
  const standings = new Map<string, ToolStanding>([
    ['other', 'held'],
    ['new', 'unseen'],
    ['secret', 'unseen'],
  ]);
  const known = {
    standing: (_upstream: object, tool: string) => standings.get(tool) ?? ('known' as const),
  };
  const held = toolGateOf({ ...demo, toolChanges: 'hold' })?.beside(known);
  expect(held?.decide(alice, 'other')).toMatchObject({ because: 'held' });
  expect(held?.decide(alice, 'changed')).toMatchObject({ because: 'held' });
  expect(gate?.beside(known).decide(alice, 'other')).toMatchObject({ kind: 'allowed' });
  expect(held?.decide(alice, 'known')).toEqual(gate?.decide(alice, 'known'));
  const unseen = held?.decide(alice, 'new');
  expect(unseen).toMatchObject({ kind: 'allowed', isUnseen: true });
  expect(unseen && refusalFor(decidedAfterLook(unseen))).toEqual({ kind: 'unknown-tool' });
  expect(held?.decide(alice, 'secret')).toMatchObject({ kind: 'refused', because: 'hidden' });
});
