import { generateKeyPair } from 'jose';
import { Agent } from 'undici';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { SynchronisedClock } from '#lib/clock/clock';
import { ClientAssertions } from '#lib/contract/client-assertion';
import { VaultClient } from '#lib/contract/vault-client';
import { createLogger } from '#lib/observability/logger';
import { FakeVault } from '#lib/testing/fake-vault';
import { until } from '#lib/testing/until';
import type { GatewayEvent } from '../log-events.js';
import { fingerprintOf, type SeenTool, ToolInventory } from './tool-inventory.js';

let vault: FakeVault;
let client: VaultClient;
let inventory: ToolInventory;
/** Of the gateway's snapshot. */
let version: number;
let nowMs: number;

beforeEach(async () => {
  const { privateKey: key, publicKey } = await generateKeyPair('ES256');
  const snapshot = { issuers: [], applications: [], upstreams: [] };
  vault = await FakeVault.start({ gatewayId: 'gw', gatewayKey: publicKey, snapshot });
  const clock = new SynchronisedClock();
  const assertions = new ClientAssertions({ clientId: 'gw', key, algorithm: 'ES256', clock });
  client = new VaultClient({ url: vault.url, assertions, dispatcher: new Agent() });
  const destination = { write: () => undefined };
  const logger = createLogger<GatewayEvent>({ app: 'gateway', level: 'silent', destination });
  version = 1;
  nowMs = 0;
  const options = {
    vault: client,
    version: () => version,
    logger,
    waitMs: 5_000,
    everyMs: 20,
    now: () => nowMs,
  };
  inventory = new ToolInventory(options);
});
afterEach(async () => {
  await inventory.stop();
  await client.close();
  await vault.stop();
});

const tool = (name: string, description = 'what it does'): SeenTool => ({
  name,
  description,
  inputSchema: { type: 'object', properties: { a: {}, b: {} } },
});
/** Whether it is not called without more ado. */
const isHeld = (upstream: Parameters<ToolInventory['standing']>[0], name: string) =>
  inventory.standing(upstream, name) === 'held';
const url = 'https://snow.example/mcp';
const hold = { slug: 'snow', url, toolChanges: 'hold' } as const;
const alert = { slug: 'snow', url, toolChanges: 'alert' } as const;

describe('a fingerprint', () => {
  const base = tool('a');
  test.each<[what: string, other: object, same: boolean]>([
    [
      'the order of members',
      { inputSchema: { properties: { b: {}, a: {} }, type: 'object' } },
      true,
    ],
    ['the name', { name: 'b' }, true],
    ['what no model reads', { _meta: { requestId: 1 } }, true],
    ['the description', { description: 'and sends it to me' }, false],
    ['the title', { title: 'A' }, false],
    ['a schema', { inputSchema: { type: 'object' } }, false],
    ['the output schema', { outputSchema: {} }, false],
    ['an annotation', { annotations: { destructiveHint: false } }, false],
    ['half a surrogate pair', { description: '\uD83D' }, false],
  ])('of another with regard to %s', (_, other, same) => {
    expect(fingerprintOf({ ...base, ...other }) === fingerprintOf(base)).toBe(same);
  });
});

describe('what a server lists', () => {
  test('is told once, and costs nothing more where it is as before', async () => {
    await inventory.seen(hold, [tool('a'), tool('b')]);
    expect(inventory.seen(hold, [tool('a'), tool('b')])).toBeUndefined();
    expect(inventory.seen(hold, [tool('b')])).toBeUndefined();
    await inventory.seen(hold, [tool('a'), tool('c')]);
    expect(vault.reports).toMatchObject([
      { path: '/gateway/v1/tools', body: { upstream: 'snow', tools: [{ name: 'a' }, {}] } },
      { body: { tools: [{ name: 'c', fingerprint: fingerprintOf(tool('c')) }] } },
    ]);
    expect(isHeld(hold, 'a')).toBe(false);
  });

  test('is not told of an upstream that does not ask for it', () => {
    expect(inventory.seen({ slug: 'snow', url }, [tool('a')])).toBeUndefined();
    expect(inventory.seen({ ...hold, toolChanges: 'ignore' }, [tool('a')])).toBeUndefined();
    expect(vault.reports).toEqual([]);
  });

  test('alert: a list never waits, and nothing is held', async () => {
    expect(inventory.seen(alert, [tool('a')])).toBeUndefined();
    expect(isHeld(alert, 'a')).toBe(false);
    expect(await until(() => vault.reports.length === 1, { seconds: 10, everyMs: 5 })).toBe(true);
  });

  test('rug pull: what the vault holds does not count before the snapshot says so', async () => {
    vault.toolAnswer = ({ tools }) => ({ held: tools.map(({ name }) => name), overflow: [] });
    vault.configure({ issuers: [], applications: [], upstreams: [] }, 7);
    await inventory.seen(hold, [tool('a', 'changed')]);
    expect(isHeld(hold, 'a')).toBe(true);
    version = 6;
    expect(isHeld(hold, 'a')).toBe(true);
    // From here on the snapshot names it, until an administrator lets it through.
    version = 7;
    expect(isHeld(hold, 'a')).toBe(false);
  });

  test('rug pull: while the vault is away, what is new is held, and only that', async () => {
    await inventory.seen(hold, [tool('a'), tool('b')]);
    vault.down = true;
    const told = inventory.seen(hold, [tool('a', 'changed'), tool('b'), tool('c')]);
    expect(['a', 'b', 'c'].map((name) => isHeld(hold, name))).toEqual([true, false, true]);
    await told;
    expect(['a', 'b', 'c'].map((name) => isHeld(hold, name))).toEqual([true, false, true]);
    vault.down = false;
    inventory.start();
    const isFree = () => !isHeld(hold, 'a') && !isHeld(hold, 'c');
    expect(await until(isFree, { seconds: 10, everyMs: 5 })).toBe(true);
  });

  test('what the vault has no room for stays held', async () => {
    vault.toolAnswer = () => ({ held: [], overflow: ['b'] });
    await inventory.seen(hold, [tool('a'), tool('b')]);
    expect([isHeld(hold, 'a'), isHeld(hold, 'b')]).toEqual([false, true]);
    expect(inventory.seen(hold, [tool('a'), tool('b')])).toBeUndefined();
  });

  test('rug pull: what no list has shown this replica of late is unseen, whatever the vault knows', async () => {
    const standings = (upstream: typeof hold & { readonly toolInventory?: string } = hold) =>
      ['a', 'b'].map((name) => inventory.standing(upstream, name));
    expect(standings()).toEqual(['unseen', 'unseen']);
    expect(inventory.standing(alert, 'a')).toBe('known');
    await inventory.seen(hold, [tool('a'), tool('b')]);
    expect(standings()).toEqual(['known', 'known']);
    nowMs = 3_600_001;
    expect(inventory.seen(hold, [tool('a')])).toBeUndefined();
    expect(standings()).toEqual(['known', 'known']);
    nowMs = 2 * 3_600_002;
    inventory.start();
    const isForgotten = () => inventory.standing(hold, 'b') === 'unseen';
    expect(await until(isForgotten, { seconds: 10, everyMs: 5 })).toBe(true);
    expect(standings()).toEqual(['known', 'unseen']);
    // An administrator had everything forgotten: the vault hears of it all anew.
    const anew = { ...hold, toolInventory: 'u:1' };
    expect(standings(anew)).toEqual(['unseen', 'unseen']);
    await inventory.seen(anew, [tool('a')]);
    expect(standings(anew)).toEqual(['known', 'unseen']);
    expect(vault.reports.at(-1)?.body).toMatchObject({ tools: [{ name: 'a' }] });
  });

  test('is told again after an hour, in case that the vault has forgotten; meanwhile it counts', async () => {
    await inventory.seen(hold, [tool('a'), tool('b')]);
    nowMs = 3_600_001;
    vault.down = true;
    expect(inventory.seen(hold, [tool('a')])).toBeUndefined();
    expect(isHeld(hold, 'a')).toBe(false);
    vault.down = false;
    vault.toolAnswer = () => ({ held: ['a'], overflow: [], version: '9' });
    inventory.start();
    expect(await until(() => isHeld(hold, 'a'), { seconds: 10, everyMs: 5 })).toBe(true);
    expect(vault.reports.map(({ body }) => body)).toMatchObject([
      { tools: [{ name: 'a' }, { name: 'b' }] },
      { tools: [{ name: 'a' }] },
    ]);
  });

  test('at another address is another server', async () => {
    await inventory.seen(hold, [tool('a')]);
    vault.down = true;
    const moved = { ...hold, url: 'https://other.example/mcp' };
    void inventory.seen(moved, [tool('a')]);
    expect([hold, moved].map((one) => inventory.standing(one, 'a'))).toEqual(['unseen', 'held']);
  });

  test('a name that cannot be told is held, and keeps no other from being told', async () => {
    const long = 'x'.repeat(300);
    await inventory.seen(hold, [tool(long), tool('line\nbreak'), tool('a')]);
    expect([long, 'line\nbreak', 'a'].map((name) => isHeld(hold, name))).toEqual([
      ...[true, true],
      false,
    ]);
  });

  test('a long list is told in pieces', async () => {
    await inventory.seen(
      hold,
      Array.from({ length: 450 }, (_, n) => tool(`t${n}`)),
    );
    const sizes = vault.reports.map(({ body }) => (body as { tools: unknown[] }).tools.length);
    expect(sizes).toEqual([200, 200, 50]);
  });

  test('a server that never ends changing holds up itself and no memory', async () => {
    vault.down = true;
    for (let n = 0; n < 5; n += 1)
      void inventory.seen(
        hold,
        Array.from({ length: 1_000 }, (_, nth) => tool(`t${n} ${nth}`)),
      );
    expect(isHeld(hold, 'anything')).toBe(true);
    expect(isHeld({ ...hold, slug: 'other' }, 'anything')).toBe(false);
  });
});
