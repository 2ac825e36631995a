import { afterAll, beforeAll, expect, test } from 'vitest';
import { actionOf, ConnectFixture, heading } from './connect-fixture.js';

let vault: ConnectFixture;

beforeAll(async () => {
  vault = await ConnectFixture.start();
});
afterAll(() => vault.stop());

test('a link leads through sign-in, consent and the provider to Done', async () => {
  const { uri } = await vault.ask('alice');
  vault.corporate.subject = 'alice';
  vault.provider.subject = 'snow-alice';
  vault.provider.claims.set('snow-alice', { preferred_username: 'alice@upstream' });
  const browser = vault.browser();
  const asked = await browser.get(uri);
  expect(heading(asked)).toBe('Let Assistant use Snowdemo as you?');
  expect(asked.url.href).toBe(uri);
  const done = await browser.submit(asked, actionOf(asked), { decision: 'allow' });
  expect(heading(done)).toBe('Snowdemo is connected as alice@upstream.');
  expect(done.url.search).toBe('');
});
