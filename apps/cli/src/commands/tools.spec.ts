import { Command } from 'commander';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { addTools } from './tools.js';

let asked: unknown[];
let answer: object;
let printed: string[];

beforeEach(() => {
  asked = [];
  printed = [];
});
afterEach(() => {
  process.exitCode = undefined;
});

async function run(...args: string[]): Promise<string> {
  const program = new Command().exitOverride().configureOutput({ writeErr: () => undefined });
  const json = (...request: unknown[]): Promise<unknown> => {
    asked.push(request);
    return Promise.resolve(answer);
  };
  const lines = (): never => {
    throw new Error('no lines are asked for');
  };
  addTools(program, {
    client: () => ({ json, lines }),
    print: (line) => void printed.push(line),
  });
  await program.parseAsync(['tools', ...args], { from: 'user' });
  return printed.join('\n');
}

it('lists what is known, with what waits', async () => {
  const seen = { firstSeenAt: '2026-01-01', lastSeenAt: '2026-01-02' };
  const items = [{ name: 'search', fingerprint: 'ab'.repeat(32), state: 'held', ...seen }];
  answer = { upstream: 'snow', toolChanges: 'hold', items };
  const text = await run('list', 'snow');
  expect(asked).toEqual([['GET', '/upstreams/snow/tools']]);
  for (const part of ['toolChanges: hold', 'held', 'abababababab', 'search'])
    expect(text).toContain(part);
});

it('approves by name, or all, and never all because no name was given', async () => {
  answer = { upstream: 'snow', approved: ['search'] };
  expect(await run('approve', 'snow', 'search', 'other')).toBe('Let through: search');
  await run('approve', 'snow', '--all');
  expect(asked).toEqual([
    ['POST', '/upstreams/snow/tools/approve', { names: ['search', 'other'] }],
    ['POST', '/upstreams/snow/tools/approve', { all: true }],
  ]);
  await expect(run('approve', 'snow')).rejects.toThrow('--all');
  expect(asked).toHaveLength(2);
});

it('forgets, and says what that means', async () => {
  answer = { upstream: 'snow', forgotten: 7 };
  expect(await run('forget', 'snow')).toMatch(/^Forgotten: 7\..*taken as it is\.$/);
  expect(asked).toEqual([['DELETE', '/upstreams/snow/tools']]);
});
