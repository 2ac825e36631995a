import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Command } from 'commander';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { Secret } from '#lib/secret/secret';
import { type LocalServer, readBody, sendJson, startLocalServer } from '#lib/testing/local-server';
import { adminClient } from '../admin-client.js';
import { addRecover } from './recover.js';

let folder: string;
let server: LocalServer;
let asked: { call: string; body: unknown }[];

const stopped = {
  ...{ id: '0b5e1b6e-0000-4000-8000-000000000001', state: 'running', hint: null },
  backupTime: null,
  providers: [
    {
      ...{ oauthClient: 'snow', state: 'stopped', waiting: 90, wanted: 3, secondsLeft: null },
      ...{ alive: 1, dead: 9, gone: 0, failures: 0, hint: '9 of the first 10 were dead: stopped.' },
    },
  ],
};

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'symbolon-recover-'));
  asked = [];
  server = await startLocalServer(async (request, response) => {
    const body = await readBody(request);
    asked.push({
      call: `${request.method} ${request.url}`,
      body: body === '' ? undefined : JSON.parse(body),
    });
    if (request.url?.endsWith('/replay'))
      return sendJson(response, 200, { grants: { revoked: 1 }, consents: { removed: 1 } });
    if (request.url?.endsWith('/leavers')) return sendJson(response, 200, {});
    return sendJson(response, 200, request.method === 'GET' ? { items: [stopped] } : stopped);
  });
});
afterEach(async () => {
  await server.stop();
  await rm(folder, { recursive: true });
});

async function run(...words: string[]): Promise<string> {
  const printed: string[] = [];
  const program = new Command().exitOverride();
  const config = { vaultUrl: server.origin, adminToken: new Secret('t0k3n') };
  addRecover(program, {
    client: () => adminClient(config),
    print: (line) => void printed.push(line),
  });
  await program.parseAsync(['node', 'symbolon', 'recover', ...words]);
  return printed.join('\n');
}

const event = (at: string, action: string, target: object, actor: object = { kind: 'vault' }) =>
  JSON.stringify({
    ...{ position: null, sequence: '1' },
    event: {
      ...{ sequence: '1', at, action, outcome: 'success', actor, target },
      ...{ requestId: null, detail: {} },
    },
  });

it('starts, and says what a stopped provider waits for', async () => {
  await run('start', '--rate', '10', '--backup-time', '2026-11-21T08:00:00Z');
  expect(asked).toEqual([
    {
      call: 'POST /admin/v1/recoveries',
      body: { backupTime: '2026-11-21T08:00:00Z', ratePerMinute: 10, breakerShare: 0.5 },
    },
  ]);
  const printed = await run('status');
  expect(printed).toContain('snow: stopped, 1 alive, 9 dead, 0 gone, 90 waiting (3 wanted)');
  expect(printed).toContain('9 of the first 10 were dead');
  await run('continue', '--oauth-client', 'snow');
  expect(asked.at(-1)).toEqual({
    call: `POST /admin/v1/recoveries/${stopped.id}/continue`,
    body: { oauthClient: 'snow' },
  });
});

it('R3: replays the last word of an export on each grant, consent and person', async () => {
  const person = { kind: 'person', issuer: 'corporate', subject: 'ann' };
  const agreed = { upstream: 'snow', consumer: 'gateway', application: 'tour' };
  const at = (minute: number) => `2026-11-21T09:0${minute}:00.000000Z`;
  const file = join(folder, 'export.ndjson');
  await writeFile(
    file,
    [
      event('2026-11-21T07:00:00.000000Z', 'grant.revoked', { grantId: 'before-the-backup' }),
      event(at(1), 'grant.revoked', { grantId: 'one' }),
      event(at(1), 'grant.revoked', { grantId: 'two' }),
      event(at(2), 'grant.stored', { grantId: 'two' }),
      event(at(3), 'consent.removed', agreed, person),
      event(at(4), 'leaver.ordered', { issuer: 'corporate', subject: 'bea' }),
      event(at(4), 'leaver.ordered', { issuer: 'corporate', subject: 'cid' }),
      event(at(5), 'leaver.lifted', { issuer: 'corporate', subject: 'cid' }),
      event(at(6), 'registry.updated', { collection: 'upstreams', slug: 'snow' }),
    ].join('\n'),
  );
  const range = ['--audit', file, '--since', '2026-11-21T08:00:00Z'];
  const foretold = await run('replay', ...range, '--dry-run');
  expect(foretold).toContain('1 grants revoked, 1 consents removed, 1 people left');
  expect(foretold).toContain('by hand: upstreams/snow');
  expect(asked).toEqual([]);
  expect(await run('replay', ...range)).toContain('grants: 2 revoked');
  expect(asked.map(({ call }) => call)).toEqual([
    'POST /admin/v1/leavers',
    'POST /admin/v1/recoveries/replay',
    'POST /admin/v1/recoveries/replay',
  ]);
  expect(asked[1]?.body).toEqual({ grants: [{ grantId: 'one', at: at(1) }], consents: [] });
  expect(asked[2]?.body).toEqual({
    grants: [],
    consents: [{ issuer: 'corporate', subject: 'ann', ...agreed, at: at(3) }],
  });
});
