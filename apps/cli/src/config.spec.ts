import { expect, test } from 'vitest';
import { readCliConfig } from './config.js';

const at = (url: string) =>
  readCliConfig({ SYMBOLON_VAULT_URL: url, SYMBOLON_ADMIN_TOKEN: 'canary' });

test.each(['https://vault.example.com', 'http://127.0.0.1:4100', 'http://localhost:4100'])(
  'the admin token goes to %s',
  (url) => {
    expect(at(url).vaultUrl).toBe(url);
  },
);

test.each([
  'http://vault.example.com',
  'http://127.0.0.1.evil.example',
  'http://localhost.evil.example',
  'http://10.0.0.1',
  'ftp://vault.example.com',
])('row 40, an admin token that anybody on the way can read is not sent: %s', (url) => {
  expect(() => at(url)).toThrow(/SYMBOLON_VAULT_URL: must be https(?!.*canary)/);
});

test('what is no address at all is named so', () => {
  expect(() => at('vault')).toThrow(/must be an origin/);
});
