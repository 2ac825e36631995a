import { createHash, randomUUID } from 'node:crypto';
import { exportJWK, generateKeyPair, SignJWT } from 'jose';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { AdminFixture, upstreamBody, vaultPublicUrl } from '../admin/admin-fixture.js';

let vault: AdminFixture;
const { privateKey, publicKey } = await generateKeyPair('ES256');

beforeAll(async () => {
  vault = await AdminFixture.start();
  await vault.registerAll();
  const jwks = { keys: [{ ...(await exportJWK(publicKey)), kid: 'k1', alg: 'ES256' }] };
  const gateway = { kind: 'gateway', publicUrl: 'https://gateway.example.com', jwks };
  await put('machine-clients/gw', { ...gateway, upstreams: '*' });
  await put('machine-clients/narrow', { ...gateway, upstreams: ['open'] });
  await put('machine-clients/robot', { kind: 'service', jwks, upstreams: '*' });
  await put('webhooks/ops', { url: 'http://127.0.0.1:9/', events: ['upstream.tools_changed'] });
});
afterAll(() => vault.stop());

beforeEach(async () => {
  await vault.database.query('DELETE FROM upstream_tool');
  await vault.database.query('DELETE FROM webhook_delivery');
});

async function put(path: string, body: object): Promise<void> {
  const { status, text } = await vault.ask('PUT', `/admin/v1/${path}`, { body });
  if (status > 201) throw new Error(`${path}: ${status} ${text}`);
}

function assertion(client: string): Promise<string> {
  const now = Math.floor(Date.now() / 1000);
  return new SignJWT({ iss: client, sub: client, aud: vaultPublicUrl, jti: randomUUID() })
    .setProtectedHeader({ alg: 'ES256', kid: 'k1' })
    .setIssuedAt(now)
    .setExpirationTime(now + 60)
    .sign(privateKey);
}

async function tell(path: string, body: unknown, client = 'gw') {
  return vault.ask('POST', `/gateway/v1/${path}`, { body, token: await assertion(client) });
}

const print = (name: string, version = 1) => ({
  name,
  fingerprint: createHash('sha256').update(`${name} ${version}`).digest('hex'),
});
const see = (...tools: { name: string; fingerprint: string }[]) =>
  tell('tools', { upstream: 'open', tools });
const mode = (toolChanges: string) =>
  put('upstreams/open', { ...upstreamBody, credential: { type: 'none' }, toolChanges });
/** As if its tools had been seen long ago. */
const aged = () =>
  vault.database.query(`UPDATE upstream_tool SET first_seen_at = now() - interval '1 hour'`);
const snapshot = async () => {
  const { body } = await vault.ask('GET', '/gateway/v1/config', { token: await assertion('gw') });
  const open = body.upstreams.find(({ slug }: { slug: string }) => slug === 'open');
  const { heldTools: held, toolInventory: inventory } = open;
  return { version: Number(body.version), held, inventory };
};
const audited = (action: string) =>
  vault.database.query<{ actor: object; target: object; detail: object; request: string }>(
    `SELECT actor, target, detail, request_id AS request FROM audit_event
      WHERE action = $1 ORDER BY sequence DESC LIMIT 5`,
    [action],
  );
const told = () =>
  vault.database.query<{ payload: string }>('SELECT payload FROM webhook_delivery');

describe('what a gateway refused', () => {
  const decision = {
    issuer: 'corporate',
    subject: 'alice',
    application: 'inspector',
    upstream: 'snowdemo',
    method: 'tools/call',
    tool: 'delete',
    rule: 'del*',
    because: 'claims',
    count: 3,
    requestId: 'req-1',
  };

  it('stands in the audit log, with who, which tool, why and how often', async () => {
    const { subject: _, ...more } = decision;
    const decisions = [decision, { ...more, tool: undefined, rule: undefined, count: 1 }];
    const answer = await tell('decisions', { decisions, lost: 2 });
    expect([answer.status, answer.body]).toEqual([200, { recorded: 2, refused: 0 }]);
    expect(await audited('tool.refused')).toEqual([
      {
        actor: {
          ...{ kind: 'machine', client: 'gw', issuer: 'corporate', subject: 'alice' },
          application: 'inspector',
        },
        target: { upstream: 'snowdemo', method: 'tools/call', tool: 'delete' },
        detail: { because: 'claims', rule: 'del*', times: 3 },
        request: 'req-1',
      },
    ]);
    expect(await audited('call.refused')).toMatchObject([{ detail: { because: 'claims' } }]);
    expect(await audited('audit.refusals_omitted')).toMatchObject([{ detail: { times: 2 } }]);
  });

  it('row 32, confused deputy: of upstreams that are not its own it may not speak', async () => {
    const decisions = [{ ...decision, subject: 'mallory', requestId: 'req-2' }];
    const answer = await tell('decisions', { decisions, lost: 0 }, 'narrow');
    expect(answer.body).toEqual({ recorded: 0, refused: 1 });
    expect(JSON.stringify(await audited('tool.refused'))).not.toContain('mallory');
    const tools = { upstream: 'snowdemo', tools: [print('a')] };
    expect((await tell('tools', tools, 'narrow')).status).toBe(403);
    expect((await tell('tools', { ...tools, upstream: 'nowhere' })).status).toBe(403);
    expect(await vault.database.query('SELECT FROM upstream_tool')).toEqual([]);
  });

  it('is not for services, administrators and strangers to tell', async () => {
    const report = { decisions: [decision], lost: 0 };
    expect((await tell('decisions', report, 'robot')).status).toBe(403);
    expect((await tell('tools', { upstream: 'open', tools: [print('a')] }, 'robot')).status).toBe(
      403,
    );
    const path = '/gateway/v1/decisions';
    expect((await vault.ask('POST', path, { body: report })).status).toBe(401);
    expect((await vault.ask('POST', path, { body: report, token: null })).status).toBe(401);
  });

  it.each([
    [{ ...decision, because: 'sorry' }],
    [{ ...decision, count: 0 }],
    [{ ...decision, tool: 'x\0' }],
    [{ ...decision, tool: 'x'.repeat(300) }],
    [{ ...decision, extra: 1 }],
  ])('is refused where it is not of the contract: %j', async (one) => {
    expect((await tell('decisions', { decisions: [one], lost: 0 })).status).toBe(400);
  });
});

describe('the tools that a server lists', () => {
  it('are ignored unless the upstream says otherwise', async () => {
    await mode('ignore');
    expect((await see(print('a'))).body).toMatchObject({ held: [], overflow: [] });
    expect(await vault.database.query('SELECT FROM upstream_tool')).toEqual([]);
  });

  it('are taken as they are at first; a change is told, once, and held where that is said', async () => {
    await mode('hold');
    expect((await see(print('a'), print('b'))).body).toMatchObject({ held: [] });
    expect((await see(print('c'))).body).toMatchObject({ held: [] });
    await aged();
    const before = await snapshot();
    expect(before.held).toEqual([]);

    const seen = await see(print('a', 2), print('b'), print('d'));
    expect(seen.body.held.toSorted()).toEqual(['a', 'd']);
    const after = await snapshot();
    expect(after.held).toEqual(['a', 'd']);
    expect(after.version).toBeGreaterThan(before.version);
    expect(Number(seen.body.version)).toBe(after.version);
    expect(await audited('upstream.tools_changed')).toMatchObject([
      {
        actor: { kind: 'machine', client: 'gw' },
        target: { upstream: 'open' },
        detail: { added: ['d'], changed: ['a'], more: 0, held: true },
      },
    ]);
    expect((await told()).map(({ payload }) => JSON.parse(payload))).toMatchObject([
      {
        type: 'upstream.tools_changed',
        data: { upstream: 'open', added: ['d'], changed: ['a'], held: true },
      },
    ]);

    // What waits already is not told again, however it changes.
    expect((await see(print('a', 3))).body.held).toEqual(['a']);
    expect(await told()).toHaveLength(1);
    expect((await snapshot()).version).toBe(after.version);
  });

  it('wait until an administrator lets them through, who then sees several of a name', async () => {
    await mode('hold');
    await see(print('a'), print('b'));
    await aged();
    await see(print('a', 2), print('b', 2));
    const path = '/admin/v1/upstreams/open/tools';
    const { body } = await vault.ask('GET', path);
    expect(body).toMatchObject({ upstream: 'open', toolChanges: 'hold' });
    expect(body.items).toMatchObject([
      { ...print('a'), state: 'approved', previousFingerprint: null },
      { ...print('a', 2), state: 'held', previousFingerprint: print('a').fingerprint },
      { name: 'b', state: 'approved' },
      { name: 'b', state: 'held' },
    ]);
    const some = await vault.ask('POST', `${path}/approve`, { body: { names: ['a', 'nothing'] } });
    expect(some.body).toEqual({ upstream: 'open', approved: ['a'] });
    expect((await snapshot()).held).toEqual(['b']);
    expect((await see(print('a', 2), print('a'))).body.held).toEqual([]);
    const all = await vault.ask('POST', `${path}/approve`, { body: { all: true } });
    expect(all.body.approved).toEqual(['b']);
    expect((await snapshot()).held).toEqual([]);
    expect(await audited('upstream.tools_approved')).toMatchObject([
      { actor: { kind: 'admin' }, detail: { names: ['b'] } },
      { target: { upstream: 'open' }, detail: { names: ['a'] } },
    ]);
    for (const wrong of [{}, { all: false }, { names: [] }, { names: ['a'], all: true }])
      expect((await vault.ask('POST', `${path}/approve`, { body: wrong })).status).toBe(422);
    expect((await vault.ask('GET', '/admin/v1/upstreams/nowhere/tools')).status).toBe(404);
  });

  it('are forgotten on an administrator’s word, and then taken as they are, as at first', async () => {
    await mode('hold');
    await see(print('a'), print('b'));
    await aged();
    await see(print('a', 2), print('c'));
    const before = await snapshot();
    const path = '/admin/v1/upstreams/open/tools';
    const answer = await vault.ask('DELETE', path);
    expect([answer.status, answer.body]).toEqual([200, { upstream: 'open', forgotten: 3 }]);
    const after = await snapshot();
    expect([before.held, after.held]).toEqual([['a', 'c'], []]);
    expect(after.version).toBeGreaterThan(before.version);
    expect(after.inventory).not.toBe(before.inventory);
    expect((await vault.ask('GET', path)).body.items).toEqual([]);
    expect((await see(print('a', 3), print('d'))).body).toMatchObject({ held: [] });
    expect(await audited('upstream.tools_forgotten')).toMatchObject([
      {
        actor: { kind: 'admin' },
        target: { upstream: 'open' },
        detail: { tools: 3, held: 2, heldNames: ['a', 'c'] },
      },
    ]);
    // What follows the first ten minutes waits, as ever.
    await aged();
    expect((await see(print('d', 2))).body.held).toEqual(['d']);
    await vault.ask('DELETE', path);
    expect((await snapshot()).inventory).not.toBe(after.inventory);
    expect((await vault.ask('DELETE', '/admin/v1/upstreams/nowhere/tools')).status).toBe(404);
    expect((await vault.ask('DELETE', path, { token: await assertion('gw') })).status).toBe(401);
  });

  it('alert: a change is told and nothing is held', async () => {
    await mode('alert');
    await see(print('a'));
    await aged();
    expect((await see(print('a', 2), print('a', 3))).body).toMatchObject({ held: [] });
    expect((await snapshot()).held).toBeUndefined();
    expect(await told()).toHaveLength(1);
  });

  it('a race of gateways tells of one change once', async () => {
    await mode('hold');
    await see(print('a'));
    await aged();
    const answers = await Promise.all(Array.from({ length: 8 }, () => see(print('a', 2))));
    expect(answers.map(({ body }) => body.held)).toEqual(answers.map(() => ['a']));
    expect(await told()).toHaveLength(1);
  });

  it('flood of names: 2,000 are remembered, and the rest is said to be too many', async () => {
    await mode('hold');
    await vault.database.query(
      `INSERT INTO upstream_tool (upstream_id, name, fingerprint, state)
       SELECT r.id, 'tool' || n, repeat('0', 64), 'approved'
         FROM registry_resource r, generate_series(1, 2000) n WHERE r.slug = 'open' AND r.collection = 'upstreams'`,
    );
    expect((await see(print('one-more'))).body).toMatchObject({ held: [], overflow: ['one-more'] });
    expect(await vault.database.query('SELECT FROM upstream_tool')).toHaveLength(2_000);
  });

  it.each([
    [[{ name: 'x\n', fingerprint: print('x').fingerprint }]],
    [[{ name: 'x', fingerprint: 'zz' }]],
    [[]],
    [Array.from({ length: 201 }, (_, n) => print(`t${n}`))],
  ])('a report that is not of the contract is refused (%#)', async (tools) => {
    expect((await tell('tools', { upstream: 'open', tools })).status).toBe(400);
  });

  it('go with their upstream', async () => {
    await put('upstreams/brief', {
      ...upstreamBody,
      ...{ credential: { type: 'none' }, toolChanges: 'alert' },
    });
    await tell('tools', { upstream: 'brief', tools: [print('a')] });
    expect((await vault.ask('DELETE', '/admin/v1/upstreams/brief')).status).toBe(204);
    expect(await vault.database.query('SELECT FROM upstream_tool')).toEqual([]);
  });
});
