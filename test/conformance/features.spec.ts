import { afterAll, beforeAll, expect, test } from 'vitest';
import { comparable } from './features/heard.js';
import { legacySteps } from './features/legacy-script.js';
import { startEverything } from './features/everything-process.js';
import type { EverythingProcess } from './features/everything-process.js';
import { v1, v2 } from './features/peer.js';
import type { Connect } from './features/peer.js';
import { World } from './world.js';

/** What a session learned, by step; what a step threw counts as learned. */
type Learned = ReadonlyMap<string, unknown>;

const sdks = { v1, v2 } as const;
type Sdk = keyof typeof sdks;

let world: World;
let server: EverythingProcess;
const learned = new Map<string, Learned>();

beforeAll(async () => {
  [world, server] = await Promise.all([World.start(), startEverything()]);
  const through = await world.connected('everything', server.url);
  const token = world.alice.accessToken;
  await Promise.all(
    (['v1', 'v2'] as const).flatMap((sdk) => [
      play(sdks[sdk], server.url, 'none').then((all) => learned.set(`${sdk} direct`, all)),
      play(sdks[sdk], through, token).then((all) => learned.set(`${sdk} through`, all)),
    ]),
  );
});

afterAll(async () => {
  await server?.stop();
  await world?.stop();
});

async function play(connect: Connect, url: string, token: string): Promise<Learned> {
  const peer = await connect(url, token);
  const all = new Map<string, unknown>();
  for (const [about, step] of Object.entries(legacySteps))
    all.set(
      about,
      comparable(await step(peer, url).catch((error: unknown) => ({ threw: String(error) }))),
    );
  await peer.end();
  return all;
}

const cases = (['v1', 'v2'] as const).flatMap((sdk) =>
  Object.keys(legacySteps).map((about) => [sdk, about] as const),
);

test.each(cases)(
  'SDK %s, server-everything: %s is through the gateway what it is at the server',
  (sdk: Sdk, about) => {
    const direct = learned.get(`${sdk} direct`)?.get(about);
    const through = learned.get(`${sdk} through`)?.get(about);
    expect(direct).toBeDefined();
    expect(JSON.stringify(direct)).not.toContain('threw');
    expect(through).toEqual(direct);
  },
);
