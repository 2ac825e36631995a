import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { VaultClient } from '#lib/contract/vault-client';
import type { TokenOutcome } from '#lib/contract/vault-answers';
import { gatewayClient } from '#lib/testing/gateway-client';
import { expireAccessTokens } from '#lib/testing/postgres-query';
import { corePieces, TrialStack } from '#lib/testing/trial-stack';
import { startVaultReplica } from '#lib/testing/vault-replica';
import type { VaultReplica } from '#lib/testing/vault-replica';
import { interactionsSoFar, TrialCaller } from './trial-caller.js';

const callersEach = 40;

let trial: TrialStack;
let second: VaultReplica;
let vaults: readonly VaultClient[];
let alice: TrialCaller;

beforeAll(async () => {
  // Long enough that nothing is refreshed by itself: refreshes are counted.
  trial = await TrialStack.start({ tokenTtl: 3_000, only: [...corePieces, 'reports'] });
  second = await startVaultReplica(trial);
  vaults = await Promise.all(
    [trial.urls.vault, second.url].map((url) => gatewayClient(trial, url, callersEach)),
  );
  alice = await TrialCaller.connected(trial, 'alice');
});

afterAll(async () => {
  await Promise.all((vaults ?? []).map((vault) => vault.close()));
  await second?.stop();
  await trial?.stop();
});

const exchange = (vault: VaultClient): Promise<TokenOutcome> =>
  vault.exchange({ subjectToken: alice.accessToken, audience: 'reports', interaction: 'create' });

function tokenOf(outcome: TokenOutcome): string {
  if (outcome.kind !== 'token') throw new Error(`no token: ${JSON.stringify(outcome)}`);
  return outcome.token.access_token;
}

async function refreshes(): Promise<number> {
  return (await trial.idpCounters('upstreamIdp')).succeeded['refresh_token'] ?? 0;
}

async function drill(...words: readonly string[]): Promise<string> {
  const env = {
    ...process.env,
    SYMBOLON_VAULT_URL: trial.urls.vault,
    SYMBOLON_ADMIN_TOKEN: trial.adminToken,
  };
  const argv = [join(process.cwd(), 'dist/apps/cli/src/main.js'), 'drill', ...words];
  return (await promisify(execFile)(process.execPath, argv, { env })).stdout;
}

async function storm(): Promise<readonly TokenOutcome[]> {
  const each = vaults.map((vault) => Array.from({ length: callersEach }, () => exchange(vault)));
  return Promise.all(each.flat());
}

describe('two vault replicas on one database, a provider that ends a grant whose refresh token is used twice', () => {
  it('both answer for one issuer name and hand out the same token', async () => {
    const [one = '', other = ''] = (await Promise.all(vaults.map(exchange))).map(tokenOf);
    expect(one).not.toBe('');
    expect(one === other).toBe(true);
    expect(await refreshes()).toBe(0);
  });

  it.each([1, 2, 3])(
    'R2, R7: 40 exchanges at each for one expired grant are one refresh and one new token, time %i',
    async (time) => {
      const old = tokenOf(await exchange(vaults[0] as VaultClient));
      await expireAccessTokens(trial);
      const outcomes = await storm();
      const tokens = new Set(outcomes.map(tokenOf));
      expect(outcomes).toHaveLength(2 * callersEach);
      expect(tokens.size).toBe(1);
      expect(tokens.has(old)).toBe(false);
      expect(await refreshes()).toBe(time);
      expect((await trial.idpCounters('upstreamIdp')).refused).toEqual({});
    },
  );

  it('symbolon drill shows a promise at both and leaves nothing registered', async () => {
    const vaults = ['--vault', trial.urls.vault, '--vault', second.url];
    const staging = ['--i-know-this-is-staging', '--port', '0', '--gateway', trial.urls.gateway];
    const shown = await drill('R3', '--races', '3', ...vaults, ...staging);
    expect(shown).toMatch(/^R3 Revoked is unusable +\d+ +\d+ +0 +kept/m);
    expect(shown).not.toContain('could not be removed');
    expect(await drill('--clean', ...vaults, ...staging)).toBe('Nothing is left.\n');
  });

  it('symbolon drill does nothing to what nobody calls a staging', async () => {
    await expect(drill('R3')).rejects.toThrow('Say --i-know-this-is-staging.');
  });

  it('R6: one replica goes, the other goes on with the same grant and asks nobody anything', async () => {
    const interactions = await interactionsSoFar(trial);
    await second.stop();
    await expireAccessTokens(trial);
    expect(tokenOf(await exchange(vaults[0] as VaultClient))).not.toBe('');
    expect((await alice.served()).account).toBe('alice@upstream');
    expect(await interactionsSoFar(trial)).toBe(interactions);
    expect(await refreshes()).toBe(4);
  });
});
