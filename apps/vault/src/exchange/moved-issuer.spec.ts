import { afterAll, beforeAll, expect, test } from 'vitest';
import { TestIssuer } from '#lib/testing/test-issuer';
import { ExchangeFixture, gatewayUrl } from './exchange-fixture.js';

let fixture: ExchangeFixture;
let moved: TestIssuer;
let stranger: TestIssuer;

beforeAll(async () => {
  fixture = await ExchangeFixture.start();
  moved = await TestIssuer.start('keycloak', 0, fixture.issuer);
  stranger = await TestIssuer.start();
});
afterAll(async () => {
  await Promise.all([moved.stop(), stranger.stop()]);
  await fixture.stop();
});

const move = async (to: string, more: object = {}, query = '', headers = {}) => {
  const body = { to, ...more };
  const answer = await fixture.admin('POST', `issuers/corporate/move${query}`, body, headers);
  const text = (await answer.json()) as {
    errors?: { code: string }[];
    formerly?: unknown;
    acceptUntil?: string;
    detail?: string;
  };
  return { status: answer.status, etag: answer.headers.get('etag'), body: text };
};
const tokenFrom = (issuer: TestIssuer, subject: string) =>
  issuer.accessToken({
    subject,
    clientId: 'assistant',
    audience: `${gatewayUrl}/http/snowdemo`,
  });
const exchanged = async (token: string) => {
  const { status, body } = await fixture.exchange(token);
  return status === 200 ? body.access_token : `${status} ${body.error}`;
};
const config = async () => {
  const headers = { authorization: `Bearer ${await fixture.assertion()}` };
  const answer = await fetch(`${fixture.vaults[0]?.origin}/gateway/v1/config`, { headers });
  return (await answer.json()) as { issuers: { issuer: string; formerly: object[] }[] };
};

test('row 10, registry takeover: an issuer cannot be moved onto a directory that is none of its own', async () => {
  await fixture.put('issuers/other', { issuer: stranger.issuer, login: { clientId: 'vault' } });
  expect(await move(stranger.issuer)).toMatchObject({
    status: 409,
    body: { detail: expect.stringContaining('"other" already stands for this name') },
  });
  expect(await move('http://127.0.0.1:9/realms/none')).toMatchObject({
    status: 422,
    body: { errors: [{ code: 'discovery-failed' }] },
  });
  // Its metadata names itself without the slash.
  expect(await move(`${moved.issuer}/`)).toMatchObject({
    status: 422,
    body: { errors: [{ code: 'discovery-invalid' }] },
  });
});

test('row 10, registry takeover: other keys at the new URL need a word of their own', async () => {
  const unknown = await TestIssuer.start();
  expect(await move(unknown.issuer)).toMatchObject({
    status: 422,
    body: { errors: [{ code: 'new-keys' }] },
  });
  const foretold = await move(unknown.issuer, { confirmNewKeys: true }, '?dryRun=true');
  expect(foretold).toMatchObject({ status: 200, body: { dryRun: true, sharedKeys: false } });
  expect((await config()).issuers.map(({ issuer }) => issuer)).not.toContain(unknown.issuer);
  await unknown.stop();
});

test('a moved issuer keeps its people and their grants; both names count for a while, then only the new one', async () => {
  const { accessToken } = await fixture.grant('alice');
  await fixture.consent('alice');
  const before = await tokenFrom(fixture.issuer, 'alice');
  expect(await exchanged(before)).toBe(accessToken);
  expect(await exchanged(await tokenFrom(moved, 'alice'))).toBe('400 invalid_request');

  const stale = await move(moved.issuer, {}, '', { 'if-match': '"0"' });
  expect(stale.status).toBe(412);
  const done = await move(moved.issuer);
  expect(done).toMatchObject({
    status: 200,
    body: {
      ...{ from: fixture.issuer.issuer, to: moved.issuer, sharedKeys: true },
      effects: [{ kind: 'end-sessions' }],
    },
  });
  expect(done.etag).not.toBeNull();

  expect(await exchanged(before)).toBe(accessToken);
  expect(await exchanged(await tokenFrom(moved, 'alice'))).toBe(accessToken);
  const [corporate] = (await config()).issuers;
  const until = Date.parse(done.body.acceptUntil ?? '') / 1000;
  expect(corporate).toMatchObject({
    issuer: moved.issuer,
    formerly: [{ issuer: fixture.issuer.issuer, until }],
  });
  const audited = await fixture.count(
    `audit_event WHERE action = 'issuer.moved' AND detail->>'to' = $1`,
    [moved.issuer],
  );
  expect(audited).toBe(1);

  // The window is over.
  await fixture.seed.database.query(
    `UPDATE registry_resource SET document = jsonb_set(document, '{formerly,0,acceptUntil}', '"2020-01-01T00:00:00Z"')
      WHERE slug = 'corporate'`,
  );
  await fixture.seed.database.query('UPDATE registry_version SET version = version + 1');
  await config();
  expect(await exchanged(before)).toBe('400 invalid_request');
  expect(await exchanged(await tokenFrom(moved, 'alice'))).toBe(accessToken);
  // Nobody else can register under the name that it had.
  const again = await fixture.admin('PUT', 'issuers/again', {
    issuer: fixture.issuer.issuer,
    login: { clientId: 'vault' },
  });
  expect(again.status).toBe(422);
});
