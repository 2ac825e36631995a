import { randomBytes } from 'node:crypto';
import { beforeAll, describe, expect, it } from 'vitest';
import { SealBroken } from '#lib/sealing/message';
import { Secret } from '#lib/secret/secret';
import { freshDatabase } from '#lib/testing/postgres-fresh-database';
import { PostgresDatabase } from '../database/postgres-database.js';
import { readKeyRing } from './read-key-ring.js';
import { KeyRingSealer } from './key-ring-sealer.js';
import { PostgresSealingKeyStore } from './postgres-sealing-key-store.js';
import type { SealedPlace } from './sealer.js';

const place: SealedPlace = {
  table: 'user_grant',
  column: 'refresh_token',
  rowId: 'r1',
  issuer: 'i1',
  subject: 'alice',
  oauthClient: 'c1',
};

const newKey = (): string => randomBytes(32).toString('base64url');

let store: PostgresSealingKeyStore;

beforeAll(async () => {
  const fresh = await freshDatabase();
  const database = new PostgresDatabase({
    url: fresh.vaultUrl,
    purpose: 'test',
    maxConnections: 4,
  });
  store = new PostgresSealingKeyStore(database);
  return async () => {
    await database.close();
    await fresh.drop();
  };
});

const sealerWith = (...keys: string[]): KeyRingSealer =>
  new KeyRingSealer(store, readKeyRing('env:RING', false, { RING: keys.join('\n') }));

describe('the key ring', () => {
  const kek = newKey();

  it('makes one data key however many replicas start at once, and each opens what the other sealed', async () => {
    const replicas = Array.from({ length: 5 }, () => sealerWith(kek));
    await Promise.all(replicas.map((replica) => replica.unseal()));
    expect(await store.all()).toHaveLength(1);
    const sealed = replicas[0]!.seal(place, new Secret('rt-1'));
    expect((await replicas[4]!.open(place, sealed)).reveal()).toBe('rt-1');
  });

  it('opens with an added key-encryption key, whatever its place in the ring', async () => {
    const sealer = sealerWith(newKey(), kek);
    await sealer.unseal();
    expect(sealer.sealedBecause).toBeUndefined();
  });

  it('row 37, restore without the KEK: stays sealed, answers 503 and overwrites nothing', async () => {
    const before = await store.all();
    const sealer = sealerWith(newKey());
    await sealer.unseal();
    expect(sealer.sealedBecause).toMatch(/SYMBOLON_KEYRING does not hold/);
    expect(() => sealer.seal(place, new Secret('x'))).toThrow(
      expect.objectContaining({ status: 503 }),
    );
    expect(await store.all()).toEqual(before);
  });

  it.each(['table', 'column', 'rowId', 'issuer', 'subject', 'oauthClient'] as const)(
    'row 37, ciphertext swap: does not open where %s differs',
    async (field) => {
      const sealer = sealerWith(kek);
      await sealer.unseal();
      const sealed = sealer.seal(place, new Secret('rt-1'));
      await expect(sealer.open({ ...place, [field]: 'other' }, sealed)).rejects.toThrow(SealBroken);
    },
  );

  it('row 37, ciphertext swap: fields cannot run into each other', async () => {
    const sealer = sealerWith(kek);
    await sealer.unseal();
    const sealed = sealer.seal({ ...place, issuer: 'ab', subject: 'c' }, new Secret('x'));
    const other = { ...place, issuer: 'a', subject: 'bc' };
    await expect(sealer.open(other, sealed)).rejects.toThrow(SealBroken);
  });

  it('refuses a message with any single byte changed, or cut short', async () => {
    const sealer = sealerWith(kek);
    await sealer.unseal();
    const sealed = sealer.seal(place, new Secret('rt-1'));
    for (let index = 0; index < sealed.length; index += 1) {
      const changed = Buffer.from(sealed);
      changed[index]! ^= 1;
      await expect(sealer.open(place, changed)).rejects.toThrow(SealBroken);
    }
    for (const length of [0, 1, 93, 109, sealed.length - 1])
      await expect(sealer.open(place, sealed.subarray(0, length))).rejects.toThrow(SealBroken);
  });

  it('never gives the same bytes twice', async () => {
    const sealer = sealerWith(kek);
    await sealer.unseal();
    expect(sealer.seal(place, new Secret('x'))).not.toEqual(sealer.seal(place, new Secret('x')));
  });
});

describe('SYMBOLON_KEYRING', () => {
  it.each([
    ['file:/nowhere/key', {}, /cannot be read/],
    ['env:MISSING', {}, /not set/],
    ['env:SHORT', { SHORT: 'c2hvcnQ' }, /32 bytes/],
    ['env:EMPTY', { EMPTY: '\n#\n' }, /holds no key/],
    ['vault:x', {}, /begin with one of file, env, aws-kms/],
    ['env:ONE,env:ONE', { ONE: newKey() }, /one key twice/],
    ['aws-kms:alias/vault', {}, /does not name a key/],
    ['aws-kms:1234abcd-12ab-34cd-56ef-1234567890ab?retries=3', {}, /unknown parameter retries/],
    ['gcp-kms:my-key', {}, /projects\/P/],
    ['azure-keyvault:http://name.vault.azure.net/keys/k', {}, /Write it as azure-keyvault:https/],
    ['vault-transit:http://vault.example.com/v1/transit/keys/k', {}, /https in production/],
    ['env:TRIAL', { TRIAL: `trial:${newKey()}` }, /trial stack/],
  ])('%s is refused with a sentence that says what to do', (uri, environment, message) => {
    expect(() => readKeyRing(uri, true, environment)).toThrow(message);
  });
});
