import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Secret } from '#lib/secret/secret';
import { queryOf } from '../database/postgres-database.js';
import { registrySecretPlace } from '../registry/postgres-registry-store.js';
import type { KeyEncryptionKey } from '../sealing/key-encryption-key.js';
import { KeyUnavailable } from '../sealing/key-encryption-key.js';
import { EverySealedValue } from './every-sealed-value-fixture.js';
import { sealedColumnsInOrder } from './postgres-sealed-columns.js';
import { newKey, ringOf, type RotatingProcess, RotationFixture } from './rotation-fixture.js';

let fixture: RotationFixture;
let one: RotatingProcess;

beforeEach(async () => {
  fixture = await RotationFixture.start();
  one = await fixture.process('one');
});
afterEach(() => fixture.stop());

const primaryOf = (process: RotatingProcess) => process.sealer.primaryKey ?? '';

const newest = async () => (await one.status.read()).rotation;

describe('rotation of the data key', () => {
  it('covers every sealed column: all opens by the new key alone, and the old one is retired', async () => {
    const values = await EverySealedValue.write(fixture, one.sealer);
    const before = await values.read(one.sealer);
    expect(Object.keys(before).toSorted()).toEqual(
      sealedColumnsInOrder.map(({ name }) => name).toSorted(),
    );
    expect(Object.values(before)).not.toContain(undefined);
    const old = primaryOf(one);
    await one.rotate();
    expect(await one.run()).toBe('idle');
    expect(Object.keys(await fixture.under())).toEqual([primaryOf(one)]);
    expect(primaryOf(one)).not.toBe(old);
    await one.retire(old);
    expect(await one.run()).toBe('idle');
    const later = await fixture.process('later');
    expect(later.sealer.dataKeys).toEqual([primaryOf(one)]);
    expect(await values.read(later.sealer)).toEqual(before);
  });

  it('begins to seal by the new key only when every process has it, and seals anew only when all use it', async () => {
    const two = await fixture.process('two');
    const old = primaryOf(two);
    await fixture.secrets(two, 3);
    await one.rotate();
    expect(await one.run()).toBe('waiting');
    expect(await newest()).toMatchObject({
      phase: 'announcing',
      waitingFor: expect.stringContaining('two'),
    });
    await two.look();
    expect(await one.run()).toBe('waiting');
    expect(await newest()).toMatchObject({ phase: 'switching' });
    expect(primaryOf(one)).not.toBe(old);
    expect(await fixture.under()).toEqual({ [old]: 3 });
    expect(await one.run([two])).toBe('idle');
    expect(await fixture.under()).toEqual({ [primaryOf(two)]: 3 });
  });

  it('a process that has missed it all fetches the key of a row instead of refusing it', async () => {
    const late = await fixture.process('late');
    await fixture.database.query('DELETE FROM sealing_process');
    await one.look();
    await one.rotate();
    await one.run();
    const place = registrySecretPlace('r', 'n', 0);
    const sealed = one.sealer.seal(place, new Secret('fresh'));
    expect(late.sealer.dataKeys).toHaveLength(1);
    const opened = await Promise.all([1, 2, 3].map(() => late.sealer.open(place, sealed)));
    expect(opened.map((value) => value.reveal())).toEqual(['fresh', 'fresh', 'fresh']);
  });

  it('ends in the middle of anything: another process goes on where the dead one was', async () => {
    const id = await fixture.secrets(one, 450);
    class Killed extends Error {}
    const doomed = await fixture.process('doomed', {
      crashPoint: (name) => {
        if (name === 'rotation-after-batch') throw new Killed();
      },
    });
    await doomed.rotate();
    await expect(doomed.run([one])).rejects.toThrow(Killed);
    expect(await one.run()).toBe('elsewhere');
    await fixture.gone('doomed');
    expect(Object.values(await fixture.under()).toSorted()).toEqual([200, 250]);
    expect(await one.run()).toBe('idle');
    expect(await fixture.under()).toEqual({ [primaryOf(one)]: 450 });
    expect(await newest()).toMatchObject({ phase: 'finished', sealed: 450, pass: 2, broken: [] });
    const rows = await fixture.database.query<{ name: string; sealed: Buffer }>(
      'SELECT name, sealed FROM registry_secret WHERE resource_id = $1',
      [id],
    );
    for (const { name, sealed } of rows) {
      const value = await one.sealer.open(registrySecretPlace(id, name, 0), sealed);
      expect(value.reveal()).toBe(name);
    }
  });

  it('many processes step at once: one has the turn, nothing is done twice', async () => {
    await fixture.secrets(one, 250);
    const others = await Promise.all(['two', 'three'].map((name) => fixture.process(name)));
    await one.rotate();
    const all = [one, ...others];
    for (let phase = ''; phase !== 'finished'; phase = (await newest())?.phase ?? '') {
      await Promise.all(all.map((process) => process.rotation.step()));
      await Promise.all(all.map((process) => process.look()));
    }
    expect(await newest()).toMatchObject({ sealed: 250 });
    expect(await fixture.under()).toEqual({ [primaryOf(one)]: 250 });
  });

  it('never overwrites what was written since it read, and waits for nobody who writes', async () => {
    const values = await EverySealedValue.write(fixture, one.sealer);
    const [column] = sealedColumnsInOrder.filter(({ name }) => name === 'user_grant.refresh_token');
    const primary = Buffer.alloc(16);
    const query = fixture.database.query;
    const [row] = (await column?.page(query, { after: undefined, primary, limit: 10 })) ?? [];
    const stale = row?.sealed ?? Buffer.alloc(0);
    const replaced = { position: row?.position ?? [], stale, fresh: stale.subarray(0) };
    // Somebody refreshes and has not committed yet.
    await fixture.database.transaction(async (tx) => {
      await queryOf(tx)('SELECT FROM user_grant FOR UPDATE');
      expect(await column?.replace(query, [replaced])).toBe(0);
    });
    const place = row?.place;
    if (place === undefined) throw new Error('no row');
    const newer = one.sealer.seal(place, new Secret('rotated by the provider'));
    await query('UPDATE user_grant SET refresh_token = $1', [newer]);
    expect(await column?.replace(query, [replaced])).toBe(0);
    expect((await values.read(one.sealer))['user_grant.refresh_token']).toBe(
      'rotated by the provider',
    );
  });

  it('one at a time: a second request is refused, and so is the retirement of the primary key', async () => {
    await one.rotate();
    await expect(one.rotate()).rejects.toMatchObject({ code: 'conflict' });
    await expect(one.rotate('key-encryption-key')).rejects.toMatchObject({ code: 'conflict' });
    await one.run();
    await expect(one.retire(primaryOf(one))).rejects.toMatchObject({ code: 'conflict' });
    expect(await one.retire('00'.repeat(16))).toBeUndefined();
  });

  it('row 37, ciphertext swap: a value that does not open is named and stays, and its key stays with it', async () => {
    const id = await fixture.secrets(one, 2);
    const old = primaryOf(one);
    await fixture.database.query(
      `UPDATE registry_secret SET sealed = (SELECT sealed FROM registry_secret WHERE name = 'n0001') WHERE name = 'n0000'`,
    );
    await one.rotate();
    expect(await one.run()).toBe('idle');
    expect(await newest()).toMatchObject({
      phase: 'finished',
      broken: [`registry_secret.sealed ${id} n0000 0`],
    });
    await one.retire(old);
    await one.run();
    expect(await newest()).toMatchObject({ outcome: expect.stringContaining('The key stays') });
    expect(await fixture.under()).toEqual({ [old]: 1, [primaryOf(one)]: 1 });
    expect((await one.status.read()).dataKeys.map(({ status }) => status)).toEqual([
      'readable',
      'primary',
    ]);
  });
});

describe('retirement', () => {
  it('seals anew what still stands under the key before it goes', async () => {
    const stale = await fixture.process('stale');
    const old = primaryOf(one);
    await fixture.gone('stale');
    await one.rotate();
    await one.run();
    // It has not noticed, and still seals by the old key after the rotation has ended.
    await fixture.secrets(stale, 3);
    expect(await fixture.under()).toEqual({ [old]: 3 });
    await one.retire(old);
    expect(await one.run([stale])).toBe('idle');
    expect(await fixture.under()).toEqual({ [primaryOf(one)]: 3 });
    expect((await one.status.read()).dataKeys.map(({ id }) => id)).toEqual([primaryOf(one)]);
  });

  it('a process that slept through it all cannot store what nobody could open', async () => {
    const old = primaryOf(one);
    const asleep = await fixture.process('asleep');
    await fixture.gone('asleep');
    await one.rotate();
    await one.run();
    expect(primaryOf(asleep)).toBe(old);
    await one.retire(old);
    await one.run();
    await expect(fixture.secrets(asleep, 1)).rejects.toMatchObject({ code: 'SYK01' });
    await asleep.look();
    await fixture.secrets(asleep, 1);
    expect(await fixture.under()).toEqual({ [primaryOf(one)]: 1 });
  });
});

describe('rotation of the key-encryption key', () => {
  it('wraps every data key anew; then the old one opens nothing that is needed', async () => {
    await one.rotate();
    await one.run();
    const next = newKey();
    const both = await fixture.process('both', { keks: ringOf(next, fixture.kek) });
    await fixture.gone('one');
    await both.rotate('key-encryption-key');
    expect(await both.run()).toBe('idle');
    expect((await both.status.read()).keyEncryptionKeys).toMatchObject([
      { wrapsNew: true, dataKeys: 2, mayBeRemoved: false },
      { wrapsNew: false, dataKeys: 0, mayBeRemoved: true },
    ]);
    const after = await fixture.process('after', { keks: ringOf(next) });
    expect(after.sealer.dataKeys).toHaveLength(2);
    const before = await fixture.process('before', { keks: ringOf(fixture.kek) });
    expect(before.sealer.sealedBecause).toMatch(/which SYMBOLON_KEYRING does not hold/);
    expect(await both.status.read()).toMatchObject({
      processes: [{ name: 'after' }, { name: 'both' }],
      sealedProcesses: [{ name: 'before', problem: before.sealer.sealedBecause }],
    });
  });

  it('waits for every process to hold the new key, and says for whom', async () => {
    const next = newKey();
    const both = await fixture.process('both', { keks: ringOf(next, fixture.kek) });
    await both.rotate('key-encryption-key');
    expect(await both.run()).toBe('waiting');
    expect(await newest()).toMatchObject({
      phase: 'wrapping',
      waitingFor: expect.stringContaining('one does not hold the new key'),
    });
    await fixture.gone('one');
    expect(await both.run()).toBe('idle');
  });

  it('a provider that refuses stops it with the reason, loses nothing, and it goes on by itself', async () => {
    const [next, old] = ringOf(newKey(), fixture.kek);
    if (!next || !old) throw new Error('no keys');
    let denied = true;
    const moody: KeyEncryptionKey = {
      ...next,
      wrap: (key) =>
        denied ? Promise.reject(new KeyUnavailable('AWS KMS', 'denied')) : next.wrap(key),
    };
    const both = await fixture.process('both', { keks: [moody, old] });
    await fixture.gone('one');
    await both.rotate('key-encryption-key');
    expect(await both.run()).toBe('waiting');
    expect(await newest()).toMatchObject({
      waitingFor: expect.stringMatching(/AWS KMS denies access/),
    });
    const again = await fixture.process('again');
    expect(again.sealer.sealedBecause).toBeUndefined();
    await fixture.gone('again');
    denied = false;
    expect(await both.run()).toBe('idle');
    expect(await newest()).toMatchObject({ phase: 'finished', waitingFor: null });
  });
});
