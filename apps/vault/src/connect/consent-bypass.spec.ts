import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { HttpBrowser } from '#lib/testing/http-browser';
import { actionOf, ConnectFixture } from './connect-fixture.js';

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
