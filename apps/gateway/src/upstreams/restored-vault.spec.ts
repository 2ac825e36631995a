import { afterAll, beforeAll, expect, test } from 'vitest';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  type GatewayFixture,
  issuerOf,
  startGatewayFixture,
  tokenAnswer,
  upstreamOf,
} from '../gateway-fixture.js';

let fixture: GatewayFixture;

beforeAll(async () => {
  fixture = await startGatewayFixture();
});
afterAll(() => fixture.stop());

/** The vault's registry at a version, with these upstreams; resolves once the gateway works with it. */
async function vaultAt(version: number, ...slugs: string[]): Promise<void> {
  const upstreams = slugs.map((slug) => upstreamOf(slug, `${fixture.upstream.origin}/${slug}`));
  const snapshot = { issuers: [issuerOf(fixture.issuer)], applications: [], upstreams };
  fixture.vault.configure(snapshot, version);
  await adopted(version);
}

async function adopted(version: number): Promise<void> {
  for (let waited = 0; waited < 300; waited += 1) {
    const last = fixture.log.findLast((line) => line.includes('config.adopted'));
    if (last?.includes(`"version":"${version}"`)) return;
    await sleep(10);
  }
  throw new Error(`the gateway did not adopt ${version}`);
}

async function reconnected(): Promise<void> {
  const { connections } = fixture.vault;
  fixture.vault.dropStreams();
  for (let waited = 0; waited < 300 && fixture.vault.connections === connections; waited += 1)
    await sleep(10);
}

async function call(slug: string): Promise<number> {
  const answer = await fetch(`${fixture.origin}/http/${slug}/x`, {
    headers: { authorization: `Bearer ${await fixture.token(`/http/${slug}`)}` },
  });
  await answer.arrayBuffer();
  return answer.status;
}

test('a gateway that has seen revision 100 takes what a restored vault says at 60', async () => {
  fixture.vault.answer = () => tokenAnswer('t', { grant_version: 100 });
  await vaultAt(100, 'reports', 'newer');
  expect(await call('newer')).toBe(200);
  await reconnected();
  await vaultAt(60, 'reports');
  expect(await call('newer')).toBe(404);
  // A number that it had before, with other content: why a recovery makes the vault's versions jump.
  await vaultAt(Date.now(), 'reports', 'other');
  expect(await call('other')).toBe(200);
});

test('R3: a grant that it saw revoked does not come back with a backup; one that lives on jumps past what it saw', async () => {
  const jumped = Date.now();
  await vaultAt(jumped + 60_000, 'reports');
  const grant = { type: 'grant', issuer: 'corporate', subject: 'alice', grantId: 'g1' } as const;
  fixture.vault.publish({ ...grant, version: 100, status: 'revoked' });
  fixture.vault.answer = () => tokenAnswer('old', { grant_id: 'g1', grant_version: 60 });
  await vaultAt(jumped + 60_001, 'reports');
  await reconnected();
  expect(await call('reports')).toBe(503);
  fixture.vault.answer = () => tokenAnswer('new', { grant_id: 'g1', grant_version: jumped });
  expect(await call('reports')).toBe(200);
});
