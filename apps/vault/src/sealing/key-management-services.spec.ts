import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { Secret } from '#lib/secret/secret';
import { type FreshDatabase, freshDatabase } from '#lib/testing/postgres-fresh-database';
import { PostgresDatabase } from '../database/postgres-database.js';
import { azureKeyVaultKey } from './azure-key-vault-key.js';
import { crc32c } from './crc32c.js';
import { startFakeAwsKms } from './fake-aws-kms.js';
import { type FakeAzure, startFakeAzureKeyVault } from './fake-azure-key-vault.js';
import { startFakeGcpKms } from './fake-gcp-kms.js';
import type { FakeKms, KmsFault } from './fake-kms.js';
import { type FakeVault, startFakeVaultTransit } from './fake-vault-transit.js';
import type { KeyEncryptionKey } from './key-encryption-key.js';
import { keyReference } from './key-reference.js';
import { KeyRingSealer } from './key-ring-sealer.js';
import { PostgresSealingKeyStore } from './postgres-sealing-key-store.js';
import { readKeyRing } from './read-key-ring.js';

const dataKey = () => ({ id: randomBytes(16), key: randomBytes(32) });

/** As SYMBOLON_KEYRING would make it; the fake Azure alone needs to be trusted. */
function keyOf(kms: FakeKms, uri = kms.uri): KeyEncryptionKey {
  if ('ca' in kms)
    return azureKeyVaultKey(keyReference(uri, false), {
      tlsOptions: { ca: (kms as FakeAzure).ca },
      disableChallengeResourceVerification: true,
      disableInstanceDiscovery: true,
    });
  const [key] = readKeyRing(uri, false, kms.environment);
  if (key === undefined) throw new Error('no key');
  return key;
}

const place = {
  ...{ table: 'user_grant', column: 'refresh_token', rowId: 'r1' },
  ...{ issuer: 'i1', subject: 'alice', oauthClient: 'c1' },
};

describe.each([
  ['AWS KMS', startFakeAwsKms],
  ['Google Cloud KMS', startFakeGcpKms],
  ['Azure Key Vault', startFakeAzureKeyVault],
  ['Vault Transit', startFakeVaultTransit],
] as const)('%s', (name, start) => {
  let kms: FakeKms;
  let fresh: FreshDatabase;
  let database: PostgresDatabase;
  let store: PostgresSealingKeyStore;

  beforeAll(async () => {
    kms = await start();
    for (const [variable, value] of Object.entries(kms.environment)) vi.stubEnv(variable, value);
    fresh = await freshDatabase();
    database = new PostgresDatabase({ url: fresh.vaultUrl, purpose: 'test', maxConnections: 2 });
    store = new PostgresSealingKeyStore(database);
  });
  beforeEach(async () => {
    kms.fault = undefined;
    await database.query('DELETE FROM sealing_key');
  });
  afterEach(() => expect(kms.complaints).toEqual([]));
  afterAll(async () => {
    vi.unstubAllEnvs();
    await kms.stop();
    await database.close();
    await fresh.drop();
  });

  it('unwraps what it wrapped, and the data key is in neither the wrapped form nor the id', async () => {
    const key = dataKey();
    const wrapped = await keyOf(kms).wrap(key);
    expect(await keyOf(kms).unwrap(key.id, wrapped)).toEqual(key);
    expect(wrapped.wrapped.includes(key.key)).toBe(false);
    expect(keyOf(kms).id).not.toContain('endpoint');
  });

  it('row 37, ciphertext swap: does not unwrap for another data key, by another key, or changed', async () => {
    const key = dataKey();
    const wrapped = await keyOf(kms).wrap(key);
    const mismatch = { name: 'KeyUnavailable', code: 'mismatch' };
    await expect(keyOf(kms).unwrap(randomBytes(16), wrapped)).rejects.toMatchObject(mismatch);
    const changed = Buffer.from(wrapped.wrapped);
    changed[changed.length - 3]! ^= 1;
    await expect(keyOf(kms).unwrap(key.id, { ...wrapped, wrapped: changed })).rejects.toThrow(
      /did not wrap/,
    );
    const other = keyOf(kms, kms.otherUri);
    const version = 'ca' in kms ? (await other.wrap(key)).version : wrapped.version;
    await expect(other.unwrap(key.id, { ...wrapped, version })).rejects.toMatchObject(mismatch);
  });

  it.each<[KmsFault, string, RegExp]>([
    ['throttled', 'throttled', /called less often/],
    ['failing', 'failing', /fails on its side/],
    ['denied', 'denied', /docs\/keys\.md/],
    ['disabled', 'disabled', /disabled/],
    ['absent', 'absent', /does not know the key/],
    ['hanging-up', 'unreachable', /cannot be reached/],
  ])('%s is told in words that name the service and no secret', async (fault, code, words) => {
    const key = keyOf(kms);
    const wrapped = await key.wrap(dataKey());
    kms.fault = fault;
    const refused = key.unwrap(randomBytes(16), wrapped);
    await expect(refused).rejects.toMatchObject({ code, message: expect.stringMatching(words) });
    await expect(refused).rejects.toThrow(name);
    await expect(refused).rejects.not.toThrow(/127\.0\.0\.1|localhost|secret|hvs/);
  });

  it('down at the start: sealed with the reason and nothing written; it opens by itself once the service is back', async () => {
    kms.fault = 'denied';
    const sealer = new KeyRingSealer(store, [keyOf(kms)]);
    await sealer.unseal();
    expect(sealer.sealedBecause).toMatch(/first data key cannot be wrapped: .* denies access/);
    expect(await store.all()).toEqual([]);
    kms.fault = undefined;
    await sealer.unseal();
    expect(sealer.sealedBecause).toBeUndefined();
    const rows = await store.all();
    const restarted = new KeyRingSealer(store, [keyOf(kms)]);
    kms.fault = 'disabled';
    await restarted.unseal();
    expect(restarted.sealedBecause).toMatch(/cannot be unwrapped: .* disabled/);
    expect(() => restarted.seal(place, new Secret('x'))).toThrow(
      expect.objectContaining({ status: 503, detail: expect.stringContaining('disabled') }),
    );
    expect(await store.all()).toEqual(rows);
    kms.fault = undefined;
    await restarted.unseal();
    const sealed = sealer.seal(place, new Secret('rt-1'));
    expect((await restarted.open(place, sealed)).reveal()).toBe('rt-1');
  });

  it('lost later: what is unwrapped goes on working, and the service is not even asked', async () => {
    const sealer = new KeyRingSealer(store, [keyOf(kms)]);
    await sealer.unseal();
    const sealed = sealer.seal(place, new Secret('rt-1'));
    const before = kms.calls.length;
    kms.fault = 'hanging-up';
    await sealer.unseal();
    expect((await sealer.open(place, sealed)).reveal()).toBe('rt-1');
    expect(sealer.unready).toBeUndefined();
    expect(kms.calls).toHaveLength(before);
  });

  it('restore without the KEK: another key of the same service keeps the vault sealed and overwrites nothing', async () => {
    await new KeyRingSealer(store, [keyOf(kms)]).unseal();
    const rows = await store.all();
    const sealer = new KeyRingSealer(store, [keyOf(kms, kms.otherUri)]);
    await sealer.unseal();
    expect(sealer.sealedBecause).toMatch(/SYMBOLON_KEYRING does not hold/);
    expect(await store.all()).toEqual(rows);
  });
});

describe('Google Cloud KMS', () => {
  it('CRC-32C is the one of RFC 3720', () => {
    expect(crc32c(Buffer.from('123456789'))).toBe(0xe3_06_92_83);
  });
});

describe('Azure Key Vault', () => {
  it('a new version of the key wraps from then on, and what older ones wrapped opens', async () => {
    const kms = await startFakeAzureKeyVault();
    for (const [variable, value] of Object.entries(kms.environment)) vi.stubEnv(variable, value);
    const [first, second] = [dataKey(), dataKey()];
    const one = await keyOf(kms).wrap(first);
    kms.rotate();
    const two = await keyOf(kms).wrap(second);
    expect(two.version).not.toBe(one.version);
    expect(await keyOf(kms).unwrap(first.id, one)).toEqual(first);
    expect(await keyOf(kms).unwrap(second.id, two)).toEqual(second);
    vi.unstubAllEnvs();
    await kms.stop();
  });
});

describe('Vault Transit', () => {
  let vault: FakeVault;
  let folder: string;

  beforeEach(async () => {
    vault = await startFakeVaultTransit();
    folder = mkdtempSync(join(tmpdir(), 'symbolon-transit-'));
  });
  afterEach(async () => {
    rmSync(folder, { recursive: true });
    await vault.stop();
  });

  const wrapWith = (environment: Record<string, string>) => {
    const [key] = readKeyRing(vault.uri, false, environment);
    return { again: () => key?.wrap(dataKey()) };
  };

  it.each([
    [
      'AppRole',
      () => ({
        SYMBOLON_VAULT_TRANSIT_ROLE_ID: 'role',
        SYMBOLON_VAULT_TRANSIT_SECRET_ID: 'secret',
      }),
      '/v1/auth/approle/login',
    ],
    [
      'Kubernetes',
      () => {
        const path = join(folder, 'token');
        writeFileSync(path, 'token-of-the-pod\n');
        return {
          SYMBOLON_VAULT_TRANSIT_KUBERNETES_ROLE: 'symbolon',
          SYMBOLON_VAULT_TRANSIT_KUBERNETES_TOKEN_PATH: path,
        };
      },
      '/v1/auth/kubernetes/login',
    ],
  ])('%s: logs in once, and anew when its token has ended', async (_, environment, login) => {
    const { again } = wrapWith(environment());
    await again();
    await again();
    expect(vault.logins).toEqual([login]);
    vault.tokens.clear();
    await again();
    expect(vault.logins).toEqual([login, login]);
  });

  it('a token file that an agent has replaced is read again', async () => {
    const path = join(folder, 'token');
    writeFileSync(path, 'hvs.old\n');
    const { again } = wrapWith({ SYMBOLON_VAULT_TRANSIT_TOKEN_FILE: path });
    await expect(again()).rejects.toMatchObject({ code: 'denied' });
    writeFileSync(path, 'hvs.given\n');
    await again();
  });

  it('without any credential the reason says so', async () => {
    await expect(wrapWith({}).again()).rejects.toThrow(/credentials/);
    const wrong = {
      SYMBOLON_VAULT_TRANSIT_ROLE_ID: 'role',
      SYMBOLON_VAULT_TRANSIT_SECRET_ID: 'guessed',
    };
    await expect(wrapWith(wrong).again()).rejects.toMatchObject({ code: 'credentials' });
  });
});
