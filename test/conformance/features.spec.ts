import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ConformanceServer } from './fixture/conformance-server.js';
import { comparable } from './features/heard.js';
import { legacySteps } from './features/legacy-script.js';
import { bulky, cancelled, modernSteps } from './features/modern-script.js';
import { startEverything } from './features/everything-process.js';
import type { EverythingProcess } from './features/everything-process.js';
import { modern, v1, v2 } from './features/peer.js';
import type { Connect } from './features/peer.js';
import { hearingAtLast, tool } from './features/steps.js';
import type { Step } from './features/steps.js';
import { Replay } from './sessions/replay.js';
import type { Recording } from './sessions/replay.js';
import { World } from './world.js';

/** What a session learned, by step; what a step threw counts as learned. */
type Learned = ReadonlyMap<string, unknown>;
type Script = Readonly<Record<string, Step>>;

let world: World;
let everything: EverythingProcess;
let fixture: ConformanceServer;
const learned = new Map<string, Record<'direct' | 'through', Learned>>();

/** Of the fixture alone: what server-everything has no tool for. */
const more = (): Script => ({
  'large results': bulky,
  'a cancellation that reaches the server': (peer, url) => cancelled(fixture.waiting)(peer, url),
  'tools that change': hearingAtLast(
    tool('test_trigger_tool_change'),
    'notifications/tools/list_changed',
  ),
});
const ofModern = (): Script => ({
  ...modernSteps,
  'a stream that the client closes': (peer, url) => cancelled(fixture.waiting)(peer, url),
});

beforeAll(async () => {
  everything = await startEverything();
  fixture = await ConformanceServer.start();
  world = await World.start();
  const all = await world.connected('everything', everything.url);
  const own = await world.connected('fixture', fixture.url);
  await Promise.all([
    ...[bothWays('v1', v1), bothWays('v2', v2)].map((play) =>
      play('server-everything', [everything.url, all], legacySteps),
    ),
    ...[bothWays('v1', v1), bothWays('v2', v2)].map((play) =>
      play('the fixture', [fixture.url, own], more()),
    ),
    bothWays('v2', modern)('the fixture, 2026-07-28', [fixture.url, own], ofModern()),
  ]);
});

afterAll(async () => {
  await Promise.all([everything?.stop(), fixture?.stop()]);
  await world?.stop();
});

function bothWays(sdk: string, connect: Connect) {
  return async (server: string, urls: readonly [string, string], script: Script): Promise<void> => {
    const [direct, through] = await Promise.all([
      play(connect, urls[0], 'none', script),
      play(connect, urls[1], world.alice.accessToken, script),
    ]);
    learned.set(`${sdk}, ${server}`, { direct, through });
  };
}

async function play(
  connect: Connect,
  url: string,
  token: string,
  script: Script,
): Promise<Learned> {
  const peer = await connect(url, token);
  const all = new Map<string, unknown>();
  for (const [about, step] of Object.entries(script)) {
    const threw = (error: unknown): unknown => ({ threw: String(error) });
    all.set(about, comparable(await step(peer, url).catch(threw)));
  }
  await peer.end();
  return all;
}

const cases = [
  ...(['v1', 'v2'] as const).flatMap((sdk) => [
    ...Object.keys(legacySteps).map((about) => [`${sdk}, server-everything`, about] as const),
    ...Object.keys(more()).map((about) => [`${sdk}, the fixture`, about] as const),
  ]),
  ...Object.keys(ofModern()).map((about) => ['v2, the fixture, 2026-07-28', about] as const),
];

test.each(cases)('SDK %s: %s', (played, about) => {
  const { direct, through } = learned.get(played) ?? expect.fail('it was not played');
  expect(direct.get(about)).toBeDefined();
  expect(JSON.stringify(direct.get(about))).not.toMatch(/"threw"|"heardOf":false/);
  expect(through.get(about)).toEqual(direct.get(about));
});

const folder = join(process.cwd(), 'test/conformance/sessions');
const recordings = readdirSync(folder)
  .filter((name) => name.endsWith('.json'))
  .map((name) => [name.replace('.json', ''), read(name)] as const);

function read(name: string): Recording {
  return JSON.parse(readFileSync(join(folder, name), 'utf8')) as Recording;
}

test.each(recordings)(
  'a recorded session of %s is answered as its client needs it',
  async (slug, recording) => {
    const address = await world.add(slug, fixture.url);
    await world.link(address);
    const token = world.alice.accessToken;
    const replay = new Replay(address, (link) => world.agree(link), { slug, token });
    expect(recording.sources.length).toBeGreaterThan(0);
    expect(await replay.play(recording)).toEqual([]);
  },
);
