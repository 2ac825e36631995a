import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Command } from 'commander';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { canonicalDigest } from '#lib/audit-chain/canonical-digest';
import { type ChainedLine, genesis, nextHash } from '#lib/audit-chain/chain';
import { Secret } from '#lib/secret/secret';
import { type LocalServer, startLocalServer } from '#lib/testing/local-server';
import { adminClient } from '../admin-client.js';
import { addLeavers } from './leavers.js';

const id = '7b0e4f5e-7d0f-4c57-9f0c-2f7ad0b2a6c1';

let folder: string;
let server: LocalServer;
let asked: { line: string; body: string }[];
/** What the vault answers, one after the other; the last again and again. */
let answers: unknown[];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'symbolon-leavers-'));
  asked = [];
  server = await startLocalServer(async (request, response) => {
    let body = '';
    for await (const chunk of request) body += String(chunk);
    asked.push({ line: `${request.method} ${request.url}`, body });
    const answer = answers.length > 1 ? answers.shift() : answers[0];
    response.writeHead(200, { 'content-type': 'application/json' });
    response.end(typeof answer === 'string' ? answer : JSON.stringify(answer));
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
  addLeavers(program, {
    client: () => adminClient(config),
    print: (line) => void printed.push(line),
  });
  process.exitCode = undefined;
  await program.parseAsync(['leavers', ...args], { from: 'user' });
  return { printed: printed.join('\n'), exitCode: Number(process.exitCode ?? 0) };
}

function entryOf(status: 'waiting' | 'complete', atProvider: string) {
  const settledAt = status === 'complete' ? '2026-11-21T10:00:05.000Z' : null;
  const receipt = {
    ...{ leaver: id, issuer: 'corporate', subject: 'alice', reason: null },
    orderedBy: { kind: 'admin' },
    ...{ orderedAt: '2026-11-21T10:00:00.000Z', requestId: 'req_1', settledAt },
    endedHereAt: '2026-11-21T10:00:01.000Z',
    ended: { connections: 1, consents: 2, interactions: 0, sessions: 1 },
    connections: [
      {
        ...{ oauthClient: 'snowid', upstream: 'snowdemo', atProvider, detail: 'As it is.' },
        account: { subject: 'up-1', name: 'Alice' },
        tokens: [],
        remaining: [
          { token: 'access_token', validUntil: '2026-11-21T10:02:00.000Z', detail: 'Copies.' },
        ],
        new: 'what a newer vault tells',
      },
    ],
    otherTokens: [],
    stillValid: {
      ...{ atGatewaysUntil: '2026-11-21T10:00:06.000Z', latest: '2026-11-21T10:02:00.000Z' },
      unlimited: false,
    },
  };
  const { issuer, subject, orderedAt } = receipt;
  return {
    ...{ id, issuer, subject, orderedAt, status, receipt },
    bar: { inForce: true, setBy: 'admin', liftedAt: null },
    digest: { sha256: canonicalDigest(receipt), final: status === 'complete' },
    audit: { records: [{ id: '1', action: 'leaver.settled', position: 1 }] },
  };
}

const person = ['--issuer', 'corporate', '--subject', 'alice'];

describe('symbolon leavers end', () => {
  it('orders it and prints the receipt', async () => {
    answers = [entryOf('complete', 'revoked')];
    const { printed, exitCode } = await run('end', ...person, '--reason', 'Left.');
    expect(asked).toEqual([
      {
        line: 'POST /admin/v1/leavers',
        body: '{"issuer":"corporate","subject":"alice","reason":"Left."}',
      },
    ]);
    expect(printed).toContain('ended: 1 connection, 2 consents, 0 pending requests, 1 session');
    expect(printed).toContain('snowdemo as Alice: revoked. As it is.');
    expect(printed).toContain('anywhere else until 2026-11-21T10:02:00.000Z');
    expect(exitCode).toBe(0);
  });

  it('waits until every provider has answered, if it is asked to, and says by its exit code that one never did', async () => {
    answers = [entryOf('waiting', 'pending'), entryOf('complete', 'failed')];
    const { printed, exitCode } = await run('end', ...person, '--wait', '--json');
    expect(asked.at(-1)?.line).toBe(`GET /admin/v1/leavers/${id}`);
    expect(JSON.parse(printed)).toEqual(entryOf('complete', 'failed'));
    expect(exitCode).toBe(1);
  });
});

describe('symbolon leavers', () => {
  it('show, list and lift ask for just that', async () => {
    const { receipt: _, digest: __, audit: ___, ...summary } = entryOf('complete', 'revoked');
    answers = [
      { items: [summary], nextCursor: 'next' },
      { items: [summary], nextCursor: null },
    ];
    const { printed } = await run('list', '--status', 'complete', '--barred');
    expect(printed.split('\n')).toHaveLength(2);
    answers = [entryOf('complete', 'revoked')];
    await run('show', id);
    await run('lift', id);
    expect(asked.map(({ line }) => line)).toEqual([
      'GET /admin/v1/leavers?status=complete&barred=true',
      'GET /admin/v1/leavers?status=complete&barred=true&cursor=next',
      `GET /admin/v1/leavers/${id}`,
      `DELETE /admin/v1/leavers/${id}`,
    ]);
  });
});

describe('symbolon leavers verify', () => {
  const kept = entryOf('complete', 'revoked');

  function logWith(receiptSha256: string): ChainedLine {
    const event = {
      ...{ sequence: '7', at: '2026-11-21T10:00:05.000001Z', action: 'leaver.settled' },
      ...{ outcome: 'success', actor: { kind: 'vault' }, target: { leaver: id } },
      ...{ requestId: null, detail: { receiptSha256 } },
    };
    const hash = nextHash(genesis, event);
    const chainedAt = '2026-11-21T10:00:06.000000Z';
    return { position: 1, sequence: '7', previous: genesis, hash, chainedAt, event };
  }

  async function verify(entry: object, line: object) {
    const path = join(folder, 'receipt.json');
    await writeFile(path, JSON.stringify(entry));
    answers = [`${JSON.stringify(line)}\n`];
    return run('verify', path);
  }

  it('finds a receipt that was kept in the audit log', async () => {
    const { printed, exitCode } = await verify(kept, logWith(kept.digest.sha256));
    expect([exitCode, printed]).toEqual([0, expect.stringContaining('recorded at position 1')]);
    expect(asked[0]?.line).toContain('from=2026-11-21T09%3A59%3A00.000Z');
  });

  it.each([
    [
      'that was changed since',
      { ...kept, receipt: { ...kept.receipt, connections: [] } },
      logWith(kept.digest.sha256),
      'The receipt was changed',
    ],
    ['whose log was changed', kept, { ...logWith(kept.digest.sha256), hash: genesis }, 'broken'],
    [
      'of another',
      kept,
      { ...logWith('x'), event: { ...logWith('x').event, target: {} } },
      'broken',
    ],
    ['that is not final', entryOf('waiting', 'pending'), logWith('x'), 'not final'],
  ])('refuses one %s', async (_, entry, line, words) => {
    const { printed, exitCode } = await verify(entry, line);
    expect([exitCode, printed]).toEqual([1, expect.stringContaining(words)]);
  });
});
