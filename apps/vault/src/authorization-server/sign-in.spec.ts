import { decodeJwt, decodeProtectedHeader } from 'jose';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { heading } from '../connect/connect-fixture.js';
import { clientRedirect, SignInFixture } from './sign-in-fixture.js';

let fixture: SignInFixture;

beforeAll(async () => {
  fixture = await SignInFixture.start();
});
afterAll(() => fixture.stop());

test('sign-in leads through corporate login, our question and the provider, and ends in tokens', async () => {
  const clientId = await fixture.register();
  const { browser, page } = await fixture.ask('anna', clientId);
  expect(page.status).toBe(200);
  expect(heading(page)).toBe('Let an app that calls itself “Notebook” use Snowdemo as you?');
  expect(page.body).toContain('Nobody at your organisation has checked this app.');
  expect(page.body).toContain('127.0.0.1:9');
  const back = await browser.submit(page, '/sign-in/', { decision: 'allow' });
  expect(back.url.href.startsWith(clientRedirect)).toBe(true);
  expect(back.url.searchParams.get('state')).toBe('the-state');
  expect(back.url.searchParams.get('iss')).toBe(fixture.vault.origin);
  const answer = await fixture.redeem(clientId, back.url.searchParams.get('code') ?? '');
  expect(answer.status).toBe(200);
  const tokens = (await answer.json()) as { access_token: string; expires_in: number };
  expect(decodeProtectedHeader(tokens.access_token)).toMatchObject({ alg: 'ES256', typ: 'at+jwt' });
  expect(decodeJwt(tokens.access_token)).toMatchObject({
    iss: fixture.vault.origin,
    sub: 'anna',
    aud: fixture.resource,
    client_id: clientId,
    corporate_issuer: 'corporate',
  });
  expect(tokens.expires_in).toBeLessThanOrEqual(600);
});
