import { readFileSync } from 'node:fs';
import { generateKeyPair, SignJWT } from 'jose';
import { Agent } from 'undici';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { SynchronisedClock } from '#lib/clock/clock';
import { ClientAssertions } from '#lib/contract/client-assertion';
import { accessTokenType, clientAssertionType, tokenExchangeGrant } from '#lib/contract/exchange';
import { VaultClient } from '#lib/contract/vault-client';
import { upstreamToken } from '../../../../docs/examples/exchange.js';
import { type RunningVault, startPretendVault } from './start-pretend-vault.js';

const { privateKey } = await generateKeyPair('ES256', { extractable: true });
const options = { port: 0, everybodyConnected: false, expiresIn: 600, upstreams: ['crm', 'wiki'] };
let vault: RunningVault;

beforeAll(async () => {
  vault = await startPretendVault(options);
});
afterAll(() => vault.stop());

const person = (sub: string) =>
  new SignJWT({ sub })
    .setProtectedHeader({ alg: 'ES256' })
    .setExpirationTime('1h')
    .sign(privateKey);
const control = (what: string, body: object = {}) =>
  fetch(`${vault.url}/fake/${what}`, { method: 'POST', body: JSON.stringify(body) });

const allow = async (link: string) => {
  await fetch(link, { method: 'POST', body: new URLSearchParams({ decision: 'allow' }) });
};

describe('the example in TypeScript', () => {
  const service = () => ({ vault: vault.url, client: 'reporter', key: privateKey, keyId: 'k1' });

  it('shows the link, waits, and gets the token of the person', async () => {
    const wanted = { subjectToken: await person('alice'), upstream: 'crm' };
    const links: string[] = [];
    const token = await upstreamToken(service(), wanted, (link) => {
      links.push(link);
      void allow(link);
    });
    expect([token, links.length]).toEqual(['fake.crm.alice.1', 1]);
    expect(await upstreamToken(service(), wanted, () => expect.unreachable())).toBe(token);
  });

  it('ends where the person says no, and where there is no such upstream', async () => {
    const declined = upstreamToken(
      service(),
      { subjectToken: await person('bob'), upstream: 'crm' },
      (link) => void fetch(`${link}?decision=decline`),
    );
    await expect(declined).rejects.toThrow('The request for consent is declined.');
    const unknown = { subjectToken: await person('bob'), upstream: 'other' };
    await expect(upstreamToken(service(), unknown, () => undefined)).rejects.toThrow(
      'invalid_target',
    );
  });
});

describe('to the client of the contract it is a vault', () => {
  const client = () => {
    const clock = new SynchronisedClock();
    const key = { clientId: 'gw', key: privateKey, algorithm: 'ES256', keyId: 'k1', clock };
    const assertions = new ClientAssertions(key);
    return new VaultClient({ url: vault.url, assertions, dispatcher: new Agent() });
  };
  const ask = async (subject: string) => ({
    subjectToken: await person(subject),
    audience: 'wiki',
  });

  it('asks a person once, hands out their token, and another one for one that was refused', async () => {
    const exchange = client();
    const asked = await exchange.exchange({ ...(await ask('carol')), interaction: 'create' });
    if (asked.kind !== 'interaction') throw new Error(asked.kind);
    const again = await exchange.exchange({ ...(await ask('carol')), interaction: 'create' });
    expect(again).toMatchObject({
      interaction: { interaction_id: asked.interaction.interaction_id },
    });
    await allow(asked.interaction.interaction_uri ?? '');
    expect(await exchange.exchange({ ...(await ask('carol')), interaction: 'none' })).toMatchObject(
      {
        kind: 'token',
        token: { access_token: 'fake.wiki.carol.1', expires_in: 600 },
      },
    );
    await control('revoke', { subject: 'carol', upstream: 'wiki' });
    const revoked = await exchange.exchange({ ...(await ask('carol')), interaction: 'none' });
    expect(revoked.kind).toBe('interaction');
    await exchange.close();
  });

  it('fails as a test asks, until it is told to recover', async () => {
    const exchange = client();
    await control('fail', { status: '503', error: 'temporarily_unavailable' });
    const failed = await exchange.exchange({ ...(await ask('carol')), interaction: 'none' });
    expect(failed.kind).toBe('unavailable');
    await control('recover');
    expect((await exchange.exchange({ ...(await ask('dora')), interaction: 'none' })).kind).toBe(
      'interaction',
    );
    await exchange.close();
  });
});

it.each([
  ['an assertion for somebody else', { aud: 'https://other.example' }, 401],
  ['an expired assertion', { exp: 1 }, 401],
])('refuses %s as a vault would', async (_, claims, status) => {
  const now = Math.floor(Date.now() / 1000);
  const assertion = await new SignJWT({ aud: vault.url, exp: now + 60, ...claims })
    .setProtectedHeader({ alg: 'ES256' })
    .sign(privateKey);
  const form = {
    client_assertion_type: clientAssertionType,
    client_assertion: assertion,
  };
  const body = new URLSearchParams(form);
  expect((await fetch(`${vault.url}/oauth2/token`, { method: 'POST', body })).status).toBe(status);
});

it.each(['exchange.ts', 'exchange.py', 'exchange.sh'])(
  'the example %s sends what the exchange wants',
  (file) => {
    const example = readFileSync(
      new URL(`../../../../docs/examples/${file}`, import.meta.url),
      'utf8',
    );
    const names = ['client_assertion', 'subject_token', 'audience'];
    for (const text of [...names, tokenExchangeGrant, clientAssertionType, accessTokenType])
      expect(example).toContain(text);
  },
);
