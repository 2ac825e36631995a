import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Command } from 'commander';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { Secret } from '#lib/secret/secret';
import { type LocalServer, startLocalServer } from '#lib/testing/local-server';
import { adminClient } from '../admin-client.js';
import { addPolicy } from './policy.js';

let folder: string;
let server: LocalServer;
let asked: unknown[];
let answer: object;

const who = {
  ...{ issuer: 'corporate', subject: 'ann', machine: false, scopes: ['mcp'] },
  application: { id: 'tour', name: 'Tour', trust: 'known' },
};
const access = { decision: 'allowed', why: 'The token carries it.' };
const credential = { which: 'person', type: 'oauth', why: 'Their own.' };
const tool = {
  ...{ name: 'write', decision: 'insufficient-scope', rule: 'write', why: 'It lacks write.' },
  ...{ scopes: ['mcp', 'write'], missingScopes: ['write'], help: 'Another token.' },
};

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'symbolon-policy-'));
  asked = [];
  server = await startLocalServer(async (request, response) => {
    let body = '';
    for await (const chunk of request) body += String(chunk);
    asked.push([request.method, request.url, JSON.parse(body)]);
    response.writeHead(200, { 'content-type': 'application/json' });
    response.end(JSON.stringify(answer));
  });
});
afterEach(async () => {
  process.exitCode = undefined;
  await server.stop();
  await rm(folder, { recursive: true });
});

async function run(...args: string[]): Promise<{ printed: string; exitCode: number }> {
  const printed: string[] = [];
  const program = new Command().exitOverride().configureOutput({ writeErr: () => undefined });
  const config = { vaultUrl: server.origin, adminToken: new Secret('t0k3n') };
  addPolicy(program, {
    client: () => adminClient(config),
    print: (line) => void printed.push(line),
  });
  process.exitCode = undefined;
  await program.parseAsync(['policy', 'explain', ...args], { from: 'user' });
  return { printed: printed.join('\n'), exitCode: Number(process.exitCode ?? 0) };
}

it('describes a caller, and says the rule, why and what to ask for', async () => {
  answer = { who, access, tool, credential };
  const described = ['--issuer', 'corporate', '--application', 'tour', '--subject', 'ann'];
  const more = ['--scope', 'mcp', '--scope', 'x', '--claim', 'team=data', '--claim', 'roles=["a"]'];
  const { printed, exitCode } = await run('snowdemo', '--tool', 'write', ...described, ...more);
  const caller = {
    ...{ issuer: 'corporate', application: 'tour', subject: 'ann', scopes: ['mcp', 'x'] },
    claims: { team: 'data', roles: ['a'] },
  };
  expect(asked).toEqual([
    ['POST', '/admin/v1/policy/explain', { upstream: 'snowdemo', tool: 'write', caller }],
  ]);
  expect(printed).toContain('ann of corporate, by tour (known)');
  expect(printed).toContain('Tool write: insufficient-scope by "write". It lacks write.');
  expect(printed).toContain('ask for: mcp write');
  expect(exitCode).toBe(1);
});

it('takes a token from a file and prints nothing of it', async () => {
  const checks = [{ check: 'aud', status: 'fail', detail: 'For another place.', fix: 'Ask.' }];
  answer = {
    who: null,
    token: { accepted: false, detail: 'No.', checks },
    access: { decision: 'sign-in', why: 'The token does not count.' },
    credential,
  };
  const path = join(folder, 'token');
  await writeFile(path, 'ey.secret.token\n');
  const { printed, exitCode } = await run('snowdemo', '--token', path);
  expect(asked).toMatchObject([['POST', '/admin/v1/policy/explain', { token: 'ey.secret.token' }]]);
  expect(printed).toContain('aud: For another place. Ask.');
  expect(printed).not.toContain('secret');
  expect(exitCode).toBe(1);
});

it('prints a line for each rule where no tool is named', async () => {
  const tools = [
    { decision: 'allowed', rule: 'get_*', why: 'Because.' },
    { decision: 'refused', because: 'claims', rule: 'x', why: 'No.', unmetClaims: { team: {} } },
    { decision: 'refused', because: 'denied', rule: null, why: 'No rule.' },
  ];
  answer = { who: null, access, tools, credential };
  const { printed, exitCode } = await run('snowdemo', '--anonymous');
  expect(asked).toMatchObject([['POST', '/admin/v1/policy/explain', { anonymous: true }]]);
  for (const line of ['get_*: allowed', 'x: refused', 'claims: team', '(default): refused'])
    expect(printed).toContain(line);
  expect(exitCode).toBe(0);
});

it('says of an HTTP call which rule lets it pass, or what is allowed instead', async () => {
  const call = {
    ...{ decision: 'refused', because: 'method', rule: 'egress.methods', why: 'Not one of them.' },
    ...{ method: 'DELETE', path: '/items/7', webSocket: false, allowed: ['GET', 'POST'] },
  };
  answer = { who: null, access, call, credential };
  const options = ['--method', 'DELETE', '--path', '/items/7', '--anonymous'];
  const { printed, exitCode } = await run('reports', ...options);
  expect(asked).toEqual([
    [
      'POST',
      '/admin/v1/policy/explain',
      { upstream: 'reports', method: 'DELETE', path: '/items/7', anonymous: true },
    ],
  ]);
  expect(printed).toContain('Call DELETE /items/7: refused by "egress.methods". Not one of them.');
  expect(printed).toContain('allowed: GET, POST');
  expect(exitCode).toBe(1);
});

it.each([
  [['snowdemo']],
  [['snowdemo', '--issuer', 'corporate']],
  [['snowdemo', '--anonymous', '--token', 'x']],
  [['snowdemo', '--claim', 'team', '--issuer', 'c', '--application', 'a']],
])('refuses what says no caller: %j', async (args) => {
  await expect(run(...args)).rejects.toThrow();
  expect(asked).toEqual([]);
});
