import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { startEventCut } from '#lib/testing/event-cut';
import type { EventCut } from '#lib/testing/event-cut';
import { corePieces, TrialStack } from '#lib/testing/trial-stack';
import { legacyClient, textOf, whoamiOf } from '../browser/mcp-clients.js';
import { admin, interactionsSoFar, TrialCaller } from './trial-caller.js';

let trial: TrialStack;
let link: EventCut;
let alice: TrialCaller;
let bob: TrialCaller;
const closers: (() => Promise<unknown>)[] = [];

beforeAll(async () => {
  trial = await TrialStack.start({ only: [...corePieces, 'snowdemo', 'reports'] });
  link = await startEventCut(trial.urls.vault);
  await trial.restart('gateway', { SYMBOLON_VAULT_URL: link.origin });
  [alice, bob] = await Promise.all([
    TrialCaller.connected(trial, 'alice'),
    TrialCaller.connected(trial, 'bob'),
  ]);
});

afterEach(async () => {
  await Promise.all(closers.splice(0).map((close) => close().catch(() => undefined)));
});

afterAll(async () => {
  await trial?.stop();
  await link?.stop();
});

/** The promise of R3. */
const within = { timeout: 5_000, interval: 50 };

const statusOf = async (caller: TrialCaller) => (await caller.reports()).status;

async function grantOf({ subject }: TrialCaller, upstream: string): Promise<string> {
  const query = `grants?subject=${subject}&upstream=${upstream}&status=active`;
  const answer = await admin(trial, 'GET', query);
  const { items } = (await answer.json()) as { items: { id: string }[] };
  expect(items).toHaveLength(1);
  return items[0]?.id ?? '';
}

async function revokeByAdmin(caller: TrialCaller, upstream: string): Promise<Response> {
  return admin(trial, 'DELETE', `grants/${await grantOf(caller, upstream)}`);
}

function identityOf({ subject }: TrialCaller): string[] {
  return ['--issuer', 'corporate', '--subject', subject];
}

/** The command as an operator runs it. */
async function symbolon(...words: string[]): Promise<{ exitCode: number; printed: string }> {
  const env = {
    ...process.env,
    SYMBOLON_VAULT_URL: trial.urls.vault,
    SYMBOLON_ADMIN_TOKEN_FILE: join(trial.stateDir, 'admin-token'),
  };
  const child = spawn(process.execPath, ['dist/apps/cli/src/main.js', ...words], { env });
  const printed = text(child.stdout);
  const [exitCode] = (await once(child, 'close')) as [number];
  return { exitCode, printed: await printed };
}

interface OpenStream {
  /** Why it ended; `open` as long as it has not. */
  readonly state: () => string;
}

/** An event stream of the demo API that is known to flow. */
async function openStream(caller: TrialCaller): Promise<OpenStream> {
  const gone = new AbortController();
  closers.push(() => Promise.resolve(gone.abort()));
  const answer = await caller.reports('/events?silentMs=0&everyMs=100', gone.signal);
  expect(answer.status).toBe(200);
  const reader = (answer.body as ReadableStream<Uint8Array>).getReader();
  await reader.read();
  let state = 'open';
  const drain = async () => {
    while (!(await reader.read()).done);
    return 'ended';
  };
  void drain()
    .catch(() => 'aborted')
    .then((how) => (state = how));
  return { state: () => state };
}

describe('R3: revoked is unusable within five seconds', () => {
  it('an admin revokes: the next call pauses, the open stream ends, bob goes on', async () => {
    const mine = await openStream(alice);
    const his = await openStream(bob);
    expect((await revokeByAdmin(alice, 'reports')).status).toBe(200);
    await expect.poll(() => statusOf(alice), within).toBe(403);
    await expect.poll(mine.state, within).not.toBe('open');
    expect(await statusOf(bob)).toBe(200);
    expect(his.state()).toBe('open');
  });

  it('the person disconnects on My connections: the next call pauses, and she may connect again', async () => {
    await alice.connectReports();
    const stream = await openStream(alice);
    const question = await alice.open(`${trial.urls.vault}/connections/reports`);
    const done = await alice.browser.submit(question, '/connections/reports', {
      decision: 'disconnect',
    });
    expect(done.status).toBe(200);
    await expect.poll(() => statusOf(alice), within).toBe(403);
    await expect.poll(stream.state, within).not.toBe('open');
    await alice.connectReports();
    expect((await alice.served()).account).toBe('alice@upstream');
  });

  it('an MCP tool: the next call pauses with a new link', async () => {
    const url = `${trial.urls.gateway}/mcp/snowdemo`;
    const { client } = await legacyClient(url, bob.accessToken);
    closers.push(() => client.close());
    const whoami = () => client.callTool({ name: 'whoami' });
    const linkOf = (answer: unknown) =>
      /https?:\/\/\S+\/connect\/[\w-]+/.exec(textOf(answer))?.[0] ?? '';
    const first = linkOf(await whoami());
    await bob.consent(first);
    expect(whoamiOf(await whoami()).account).toBe('BOB');
    expect((await revokeByAdmin(bob, 'snowdemo')).status).toBe(200);
    await expect.poll(async () => linkOf(await whoami()), within).toMatch(/\/connect\//);
    expect(linkOf(await whoami())).not.toBe(first);
    expect(await statusOf(bob)).toBe(200);
  });

  it('with the event stream cut the revoked token is not used longer than the staleness limit allows', async () => {
    expect((await alice.served()).account).toBe('alice@upstream');
    link.cut();
    try {
      expect((await revokeByAdmin(alice, 'reports')).status).toBe(200);
      await expect.poll(() => statusOf(alice), within).toBe(403);
      // Nothing is remembered while nothing is heard, and whoever is not concerned is served all the same.
      expect(await statusOf(bob)).toBe(200);
    } finally {
      link.mend();
    }
  });

  it('a revoke that went unheard ends the open stream once events are heard again', async () => {
    await alice.connectReports();
    const stream = await openStream(alice);
    link.cut();
    expect((await revokeByAdmin(alice, 'reports')).status).toBe(200);
    link.mend();
    await expect.poll(stream.state, within).not.toBe('open');
  });
});

describe('the vault is gone', () => {
  it('past the staleness limit calls answer 503 with Retry-After and ask nobody anything; once it is back they are served', async () => {
    await alice.connectReports();
    const before = await interactionsSoFar(trial);
    expect(await statusOf(alice)).toBe(200);
    await trial.stopPiece('vault');
    await expect.poll(() => statusOf(alice), within).toBe(503);
    const refused = await alice.reports();
    expect(refused.status).toBe(503);
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0);
    expect(await refused.text()).not.toContain('/connect/');
    await trial.startPiece('vault');
    await expect.poll(() => statusOf(alice), within).toBe(200);
    expect(await interactionsSoFar(trial)).toBe(before);
  });
});

describe('R3: a person who leaves', () => {
  it('is refused within five seconds without a link, their stream ends, alice goes on, and the receipt is genuine', async () => {
    const stream = await openStream(bob);
    const ended = await symbolon('leavers', 'end', '--json', '--wait', ...identityOf(bob));
    expect(ended).toMatchObject({ exitCode: 0 });
    await expect.poll(() => statusOf(bob), within).toBe(403);
    await expect.poll(stream.state, within).not.toBe('open');
    expect(await (await bob.reports()).text()).not.toContain('/connect/');
    expect((await alice.served()).account).toBe('alice@upstream');
    const file = join(trial.stateDir, 'receipt.json');
    await writeFile(file, ended.printed);
    const verified = await symbolon('leavers', 'verify', file);
    expect(verified).toEqual({ exitCode: 0, printed: expect.stringContaining('Genuine') });
  });
});
