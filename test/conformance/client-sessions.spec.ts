import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ConformanceServer } from './fixture/conformance-server.js';
import { Replay } from './sessions/replay.js';
import type { Recording } from './sessions/replay.js';
import { World } from './world.js';

const folder = join(process.cwd(), 'test/conformance/sessions');
const recordings = readdirSync(folder)
  .filter((name) => name.endsWith('.json'))
  .map((name) => [name.replace('.json', ''), read(name)] as const);

let world: World;
let server: ConformanceServer;

beforeAll(async () => {
  server = await ConformanceServer.start();
  world = await World.start();
});
afterAll(async () => {
  await server?.stop();
  await world?.stop();
});

function read(name: string): Recording {
  return JSON.parse(readFileSync(join(folder, name), 'utf8')) as Recording;
}

test.each(recordings)(
  'a recorded session of %s is answered as its client needs it',
  async (slug, recording) => {
    const address = await world.add(slug, server.url);
    await world.link(address);
    const token = world.alice.accessToken;
    const replay = new Replay(address, (link) => world.agree(link), { slug, token });
    expect(recording.sources.length).toBeGreaterThan(0);
    expect(await replay.play(recording)).toEqual([]);
  },
);
