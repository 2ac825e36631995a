import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Command } from 'commander';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type ChainedLine, type ExportedLine, genesis, nextHash } from '#lib/audit-chain/chain';
import { Secret } from '#lib/secret/secret';
import { type LocalServer, startLocalServer } from '#lib/testing/local-server';
import { adminClient } from '../admin-client.js';
import { addAudit } from './audit.js';

let folder: string;
let server: LocalServer;
let served: ExportedLine[];
let asked: { url: string; authorization: string | undefined }[];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'symbolon-audit-'));
  served = chainOf(5);
  asked = [];
  server = await startLocalServer((request, response) => {
    asked.push({ url: request.url ?? '', authorization: request.headers.authorization });
    response.writeHead(200, { 'content-type': 'application/x-ndjson' }).end(ndjson(served));
    return Promise.resolve();
  });
});
afterEach(async () => {
  process.exitCode = undefined;
  await server.stop();
  await rm(folder, { recursive: true });
});

function chainOf(length: number): ChainedLine[] {
  const lines: ChainedLine[] = [];
  for (let position = 1; position <= length; position += 1) {
    const sequence = String(position * 2);
    const event = {
      sequence,
      at: `2026-11-21T10:00:0${position}.000001Z`,
      action: 'token.exchanged',
      outcome: 'success',
      actor: { kind: 'machine', subject: `s${position}` },
      target: {},
      requestId: null,
      detail: {},
    };
    const previous = lines.at(-1)?.hash ?? genesis;
    const chainedAt = `2026-11-21T10:00:0${position}.900000Z`;
    lines.push({ position, sequence, previous, hash: nextHash(previous, event), chainedAt, event });
  }
  return lines;
}

const ndjson = (lines: readonly unknown[]) =>
  lines.map((line) => `${JSON.stringify(line)}\n`).join('');

async function run(...args: string[]): Promise<{ printed: string; exitCode: number }> {
  const printed: string[] = [];
  const program = new Command().exitOverride().configureOutput({ writeErr: () => undefined });
  const config = { vaultUrl: server.origin, adminToken: new Secret('t0k3n') };
  addAudit(program, {
    client: () => adminClient(config),
    print: (line) => void printed.push(line),
  });
  process.exitCode = undefined;
  await program.parseAsync(['audit', ...args], { from: 'user' });
  return { printed: printed.join('\n'), exitCode: Number(process.exitCode ?? 0) };
}

describe('symbolon audit verify', () => {
  it('says up to where the log is intact, and what waits', async () => {
    const { event } = chainOf(6)[5]!;
    served.push({ position: null, sequence: '12', event: event! });
    const { printed, exitCode } = await run('verify');
    const { hash } = served[4] as ChainedLine;
    expect(printed).toBe(
      `Intact from position 1 to 5 (2026-11-21T10:00:05.000001Z). Head: 5:${hash}\n` +
        'Not chained yet: 1, the oldest of 2026-11-21T10:00:06.000001Z.',
    );
    expect(exitCode).toBe(0);
    expect(asked).toEqual([
      { url: '/admin/v1/audit-events/export', authorization: 'Bearer t0k3n' },
    ]);
  });

  it('row 40, audit tampering: names a removed event and exits with 1', async () => {
    served[2] = { ...(served[2] as ChainedLine), event: null };
    const { printed, exitCode } = await run('verify');
    expect(printed).toContain(
      'BROKEN at position 3, sequence 6, chained 2026-11-21T10:00:03.900000Z: removed.',
    );
    expect(printed).toContain('Before it: Intact from position 1 to 2');
    expect(exitCode).toBe(1);
  });

  it('row 40, audit tampering: an event that was changed writes no line into the report', async () => {
    const line = served[2] as ChainedLine;
    const action = 'x\nIntact from position 1 to 5\u001b[1A';
    served[2] = { ...line, event: { ...line.event!, action } };
    const { printed, exitCode } = await run('verify');
    expect(printed).toMatch(/^BROKEN at position 3, .+: altered\. .+\nBefore it: .+$/);
    expect(exitCode).toBe(1);
  });

  it('row 40, audit tampering: an end that was cut off is named by a remembered head', async () => {
    const { position, hash } = served[4] as ChainedLine;
    served.splice(3);
    expect((await run('verify')).exitCode).toBe(0);
    const { printed, exitCode } = await run('verify', '--head', `${position}:${hash}`);
    expect(printed).toContain('BROKEN at position 4, after 2026-11-21T10:00:03.000001Z: cut-off.');
    expect(exitCode).toBe(1);
    await expect(run('verify', '--head', '5')).rejects.toThrow('POSITION:HASH');
  });

  it('reads a file, which may be a part only if one says so', async () => {
    const file = join(folder, 'part.ndjson');
    await writeFile(file, ndjson(served.slice(2)));
    expect((await run('verify', '--file', file)).printed).toContain('BROKEN at position 1');
    const { printed, exitCode } = await run('verify', '--file', file, '--after', '2');
    expect(printed).toContain('Intact from position 3 to 5');
    expect(exitCode).toBe(0);
    expect(asked).toEqual([]);
  });

  it('a line that is none of an export is named', async () => {
    const file = join(folder, 'bad.ndjson');
    await writeFile(file, `${ndjson(served.slice(0, 1))}{"position":2}\n`);
    await expect(run('verify', '--file', file)).rejects.toThrow('Line 2');
  });
});

describe('symbolon audit export', () => {
  it('prints what the vault streams, and passes the range on', async () => {
    const { printed } = await run('export', '--from', '2026-11-21T00:00:00Z', '--after', '7');
    expect(`${printed}\n`).toBe(ndjson(served));
    expect(asked[0]?.url).toBe(
      '/admin/v1/audit-events/export?after=7&from=2026-11-21T00%3A00%3A00Z',
    );
  });
});
