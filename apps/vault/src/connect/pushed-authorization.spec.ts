import { afterAll, beforeAll, expect, test } from 'vitest';
import { altered, status } from '#lib/testing/scripted-answer';
import { actionOf, ConnectFixture } from './connect-fixture.js';

let vault: ConnectFixture;

beforeAll(async () => {
  vault = await ConnectFixture.start();
  // An endpoint of the test server that otherwise has nothing to do here.
  const endpoint = `${vault.provider.issuer}/revoke`;
  const offered = { pushed_authorization_request_endpoint: endpoint };
  vault.provider.always('discovery', altered(offered));
});
afterAll(() => vault.stop());

test.each([
  ['a registration that it refuses', 400, 'invalid_request', 'IT team'],
  ['an outage', 503, 'server_error', 'does not answer right now'],
])('row 7: %s at the pushed request is told in our words', async (_case, code, error, words) => {
  const person = `person-${code}`;
  const said = { error, error_description: '<b>canary</b>' };
  vault.provider.always('revoke', status(code, said));
  const browser = await vault.signedIn(person);
  const { link } = await vault.ask(person);
  const page = await browser.get(`${vault.origin}${link}`);
  const refused = await browser.submit(page, actionOf(page), { decision: 'allow' });
  expect(refused.url.origin).toBe(new URL(vault.origin).origin);
  expect(refused.body).toContain(words);
  expect(refused.body).toMatch(/Reference for IT: <code>req_/);
  expect(refused.body).not.toContain('canary');
  expect(vault.provider.count('revoke')).toBeGreaterThan(0);
  expect(vault.provider.count('authorize')).toBe(0);
});
