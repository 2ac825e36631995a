import { generateKeyPairSync } from 'node:crypto';
import { availableParallelism } from 'node:os';
import { describe, expect, test } from 'vitest';
import { ConfigurationError } from '#lib/config/environment';
import { readGatewayConfig } from './config.js';

const jwk = (kid?: string) => ({
  ...generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ format: 'jwk' }),
  ...(kid === undefined ? {} : { kid }),
});
const good = {
  SYMBOLON_GATEWAY_PUBLIC_URL: 'https://gateway.example',
  SYMBOLON_VAULT_URL: 'https://vault.example',
  SYMBOLON_GATEWAY_ID: 'gateway-1',
  SYMBOLON_GATEWAY_KEY: JSON.stringify(jwk()),
};

function problemsOf(environment: Record<string, string | undefined>): readonly string[] {
  try {
    readGatewayConfig(environment);
    return [];
  } catch (error) {
    if (error instanceof ConfigurationError) return error.problems;
    throw error;
  }
}

describe('the configuration', () => {
  test('has defaults for what need not be said', () => {
    expect(readGatewayConfig(good)).toMatchObject({
      port: 4000,
      maxStalenessMs: 3000,
      mode: 'production',
      origins: [],
    });
  });

  test('runs one process unless it says how many, or as many as there are cores', () => {
    const workersOf = (value: string) =>
      readGatewayConfig({ ...good, SYMBOLON_GATEWAY_WORKERS: value }).workers;
    expect(readGatewayConfig(good).workers).toBe(1);
    expect(workersOf('3')).toBe(3);
    expect(workersOf('auto')).toBe(availableParallelism());
    for (const wrong of ['0', '65', '1.5', 'all'])
      expect(problemsOf({ ...good, SYMBOLON_GATEWAY_WORKERS: wrong })).toHaveLength(1);
  });

  test('names everything that is wrong at once', () => {
    const problems = problemsOf({
      SYMBOLON_GATEWAY_PORT: '99999',
      SYMBOLON_GATEWAY_PUBLIC_URL: 'https://x/y',
    });
    for (const name of [
      'GATEWAY_PORT',
      'GATEWAY_PUBLIC_URL',
      'VAULT_URL',
      'GATEWAY_ID',
      'GATEWAY_KEY',
    ])
      expect(problems.join('\n')).toContain(`SYMBOLON_${name}`);
  });

  test.each([
    ['a trial key', { SYMBOLON_GATEWAY_KEY: JSON.stringify(jwk('trial-gateway')) }],
    [
      'a set that holds a trial key',
      { SYMBOLON_GATEWAY_KEY: JSON.stringify({ keys: [jwk('mine'), jwk('trial-1')] }) },
    ],
    ['http to the vault', { SYMBOLON_VAULT_URL: 'http://vault:4100' }],
    ['a public URL without TLS', { SYMBOLON_GATEWAY_PUBLIC_URL: 'http://gateway.example' }],
    ['an origin with a path', { SYMBOLON_GATEWAY_ORIGINS: 'https://app.example/x' }],
    ['a key that is none', { SYMBOLON_GATEWAY_KEY: '{"kty":"oct","k":"c2VjcmV0"}' }],
    ['a public key', { SYMBOLON_GATEWAY_KEY: JSON.stringify({ ...jwk(), d: undefined }) }],
  ])('refuses %s in production', (_name, changes) => {
    expect(problemsOf({ ...good, ...changes })).toHaveLength(1);
  });

  test('takes http to the vault where the operator allows it', () => {
    const changes = {
      SYMBOLON_VAULT_URL: 'http://vault:4100',
      SYMBOLON_OUTBOUND_ALLOW: 'http://vault:4100',
    };
    expect(problemsOf({ ...good, ...changes })).toEqual([]);
  });

  test('says nothing of the key in its problems', () => {
    const key = JSON.stringify({ ...jwk(), crv: 'P-999' });
    expect(problemsOf({ ...good, SYMBOLON_GATEWAY_KEY: key }).join()).not.toContain(
      JSON.parse(key).d,
    );
  });

  test('replicas with the same keys seal alike, and a second key opens what it sealed as the first', () => {
    const [one, two] = [jwk(), jwk()];
    const sealing = (keys: object) =>
      readGatewayConfig({ ...good, SYMBOLON_GATEWAY_KEY: JSON.stringify(keys) }).keys.sealing;
    expect(sealing(one)).toEqual(sealing({ keys: [one] }));
    expect(sealing({ keys: [two, one] })[1]).toEqual(sealing(one)[0]);
  });
});
