import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { HttpBrowser } from '#lib/testing/http-browser';
import { sendJson } from '#lib/testing/local-server';
import { actionOf, ConnectFixture, heading } from './connect-fixture.js';

let vault: ConnectFixture;
let browser: HttpBrowser;
let id: string;
let link: string;

beforeAll(async () => {
  vault = await ConnectFixture.start();
  browser = await vault.signedIn('alice', (url) => url.pathname.includes('/go/'));
  ({ id, link } = await vault.ask('alice'));
});
afterAll(() => vault.stop());

const states = () => vault.count('upstream_authorization');

function go(trip: string, cookie: string): Promise<Response> {
  return vault.fetch(`/requests/${id}/go/${trip}`, { headers: { cookie } });
}

describe('row 4, consent bypass', () => {
  test.each(['0123456789', 'x', '%00'])(
    'the way to the provider, which nobody allowed, writes no state row and leads back: %s',
    async (trip) => {
      const answer = await go(trip, browser.cookieHeader('localhost'));
      expect([answer.status, answer.headers.get('location')]).toEqual([303, `/requests/${id}`]);
      expect(answer.headers.get('refresh')).toBeNull();
      expect(await states()).toBe(0);
    },
  );

  test('the way that one browser allowed leads another of the same person back', async () => {
    const page = await browser.get(`${vault.origin}${link}`);
    const { url } = await browser.submit(page, actionOf(page), { decision: 'allow' });
    const trip = url.pathname.split('/').at(-1) ?? '';
    expect(await states()).toBe(1);
    const other = await vault.signedIn('alice');
    const answer = await go(trip, other.cookieHeader('localhost'));
    expect([answer.status, answer.headers.get('location')]).toEqual([303, `/requests/${id}`]);
    expect((await go(trip, browser.cookieHeader('localhost'))).headers.get('refresh')).toContain(
      vault.provider.issuer,
    );
    expect(await states()).toBe(1);
  });
});

describe('row 10, registry takeover: the upstream moves while a person is asked', () => {
  const moveTo = (url: string) =>
    vault.put('upstreams/reports', {
      slug: 'reports',
      name: 'Reports',
      type: 'http',
      url,
      credential: { type: 'oauth', oauthClient: 'snowid' },
    });

  test('Allow of a page shown before allows nothing; the page is shown again', async () => {
    const mia = await vault.signedIn('mia');
    const asked = await vault.ask('mia', { upstream: 'reports' });
    const page = await mia.get(`${vault.origin}${asked.link}`);
    await moveTo('http://127.0.0.1:7/');
    const again = await mia.submit(page, actionOf(page), { decision: 'allow' });
    expect([again.status, heading(again)]).toEqual([409, 'Let Assistant use Reports as you?']);
    expect(await vault.count(`client_consent WHERE subject = 'mia'`)).toBe(0);
  });

  test('a return from a trip begun before is not redeemed', async () => {
    const noa = await vault.signedIn('noa', (url) => url.pathname.startsWith('/callback/'));
    const asked = await vault.ask('noa', { upstream: 'reports' });
    const page = await noa.get(`${vault.origin}${asked.link}`);
    const { url } = await noa.submit(page, actionOf(page), { decision: 'allow' });
    const before = vault.redemptions;
    await moveTo('http://127.0.0.1:8/');
    const answer = await vault.comeBack(noa, url);
    expect(answer.headers.get('location')).toBe(`/requests/${asked.id}`);
    expect(vault.redemptions).toBe(before);
    expect(await vault.count(`user_grant WHERE subject = 'noa'`)).toBe(0);
  });
});

describe('row 34, stealing by editing the token URL', () => {
  const place = (where: Record<string, unknown>) =>
    vault.put('oauth-clients/snowid', {
      slug: 'snowid',
      name: 'Snow ID',
      ...where,
      clientId: 'vault-at-snow',
      clientSecret: 'snow-secret',
      scopes: ['openid', 'offline_access', 'warehouse:read'],
    });
  const byEndpoints = (token = `${vault.provider.issuer}/token`) =>
    place({ endpoints: { authorization: `${vault.provider.issuer}/authorize`, token } });
  const byIssuer = () => place({ issuer: vault.provider.issuer });
  const moveDuringRedemption = () =>
    vault.provider.script('token', async (response, ordinary) => {
      const { status, body } = await ordinary();
      await byEndpoints('http://127.0.0.1:7/token');
      sendJson(response, status, body);
    });

  test('a trip to the old server is not redeemed at the new one', async () => {
    const { browser: ola, callback } = await vault.beforeReturn('ola');
    const before = vault.redemptions;
    await byEndpoints();
    const answer = await vault.comeBack(ola, callback);
    expect(answer.headers.get('location')).toMatch(/^\/requests\//);
    expect(vault.redemptions).toBe(before);
    expect(await vault.count(`user_grant WHERE subject = 'ola'`)).toBe(0);
  });

  test('what the old server answers while it is replaced is not kept for the new one', async () => {
    await byEndpoints();
    const { browser: pia, callback } = await vault.beforeReturn('pia');
    const before = vault.redemptions;
    moveDuringRedemption();
    await vault.comeBack(pia, callback);
    expect(vault.redemptions).toBe(before + 1);
    expect(await vault.count(`user_grant WHERE subject = 'pia'`)).toBe(0);
    expect(await vault.count(`client_consent WHERE subject = 'pia'`)).toBe(0);
  });

  test('nor held for the person to confirm its account', async () => {
    await byIssuer();
    const { browser: ria, callback } = await vault.beforeReturn('ria');
    await vault.comeBack(ria, callback);
    expect(await vault.count(`user_grant WHERE subject = 'ria'`)).toBe(1);
    const again = await vault.ask('ria', { purpose: 'reconnect' });
    vault.provider.subject = 'somebody-else';
    const page = await ria.get(`${vault.origin}${again.link}`);
    const { url } = await ria.submit(page, actionOf(page), { decision: 'allow' });
    const before = vault.redemptions;
    moveDuringRedemption();
    await vault.comeBack(ria, url);
    expect(vault.redemptions).toBe(before + 1);
    expect(await vault.count('unconfirmed_account')).toBe(0);
  });
});
