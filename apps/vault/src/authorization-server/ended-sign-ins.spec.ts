import { decodeJwt } from 'jose';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { clientRedirect, SignInFixture } from './sign-in-fixture.js';

let fixture: SignInFixture;
let person: string;
let people = 0;
let clientId: string;

beforeAll(async () => {
  fixture = await SignInFixture.start();
  clientId = await fixture.register();
});
afterAll(() => fixture.stop());
beforeEach(() => {
  person = `person-${(people += 1)}`;
});

const codes = () => fixture.vault.count('client_session');

async function error(answer: Response): Promise<unknown> {
  return [answer.status, ((await answer.json()) as { error?: string }).error];
}

describe('the token', () => {
  test('is exchanged like a corporate one, for the corporate person', async () => {
    const { access_token: token } = await fixture.signIn(person, clientId);
    const answer = await fixture.exchange(token);
    expect(answer.status).toBe(200);
    expect(decodeJwt(token)['corporate_issuer']).toBe('corporate');
  });

  test('is good nowhere once the upstream no longer has people consent as they sign in', async () => {
    const { access_token: token } = await fixture.signIn(person, clientId);
    const set = (consentAtSignIn: boolean | null) =>
      fixture.vault.admin('PATCH', 'upstreams/snowdemo', { consentAtSignIn });
    await set(null);
    expect(await error(await fixture.exchange(token))).toEqual([400, 'invalid_request']);
    expect((await fixture.post('/oauth2/register', {})).status).toBe(404);
    const document = new URL('/client.json', fixture.vault.provider.issuer).href;
    const answer = await fetch(fixture.authorizeUrl(document), { redirect: 'manual' });
    expect(answer.status).toBe(400);
    // Row 33: who asks has us read nothing, while nobody signs in here.
    expect(fixture.vault.provider.requests.some(({ url }) => url === '/client.json')).toBe(false);
    await set(true);
  });

  test('iss confusion: no corporate issuer takes the name of the vault', async () => {
    for (const issuer of [fixture.vault.origin, `${fixture.vault.origin}/`]) {
      const answer = await fixture.vault.admin('PUT', 'issuers/double', {
        slug: 'double',
        issuer,
        login: { clientId: 'x', clientSecret: 'y' },
      });
      expect(answer.status).toBe(422);
      expect(JSON.stringify(await answer.json())).toContain('own-issuer');
    }
  });
});

test('an administrator sees who registered, and ends one with everything it had', async () => {
  const theirs = await fixture.register({ client_name: 'Passing by' });
  const tokens = await fixture.signIn(person, theirs);
  const listed = await fixture.vault.read('sign-in-clients?limit=200');
  const { items } = (await listed.json()) as { items: Record<string, unknown>[] };
  const one = items.find((item) => item['clientId'] === theirs);
  expect(one).toMatchObject({ name: 'Passing by', redirectUris: [clientRedirect] });
  const path = `sign-in-clients/${encodeURIComponent(theirs)}`;
  expect((await fixture.vault.admin('DELETE', path, {})).status).toBe(204);
  expect((await fixture.vault.admin('DELETE', path, {})).status).toBe(404);
  expect(await error(await fixture.refresh(theirs, tokens.refresh_token))).toEqual([
    400,
    'invalid_grant',
  ]);
  expect((await fixture.exchange(tokens.access_token)).status).toBe(400);
  expect((await fixture.ask(person, theirs)).page.status).toBe(400);
});

test('a client that is removed while its sign-in is under way gets no code', async () => {
  const theirs = await fixture.register({ client_name: 'Passing by' });
  const { browser, page } = await fixture.ask(person, theirs);
  await fixture.vault.admin('DELETE', `sign-in-clients/${encodeURIComponent(theirs)}`, {});
  const before = await codes();
  const done = await browser.submit(page, '/sign-in/', { decision: 'allow' });
  expect(done.url.searchParams.get('code')).toBeNull();
  expect(await codes()).toBe(before);
});

test('R3, a restored backup: what was ended or used after it is not good again', async () => {
  const { access_token: access, refresh_token: token } = await fixture.signIn(person, clientId);
  await fixture.vault.restored();
  expect(await error(await fixture.refresh(clientId, token))).toEqual([400, 'invalid_grant']);
  expect((await fixture.exchange(access)).status).toBe(400);
});

test('a consent that had grown is shown as it is, and does not shrink', async () => {
  await fixture.signIn(person, clientId);
  await fixture.vault.database.query(
    `UPDATE client_consent SET scopes = scopes || '{gone}' WHERE subject = $1`,
    [person],
  );
  await fixture.vault.admin('PATCH', 'oauth-clients/snowid', { optionalScopes: ['gone'] });
  expect((await fixture.ask(person, clientId)).page.body).toContain('<code>gone</code>');
  await fixture.vault.admin('PATCH', 'oauth-clients/snowid', { optionalScopes: [] });
});
