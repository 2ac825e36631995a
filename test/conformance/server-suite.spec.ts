import { afterAll, beforeAll, expect, test } from 'vitest';
import type { LocalServer } from '#lib/testing/local-server';
import { startBearerShim } from './bearer-shim.js';
import { ConformanceServer } from './fixture/conformance-server.js';
import { fetchSuite, passedOf, runSuite } from './suite.js';
import type { Results } from './suite.js';
import { World } from './world.js';

const revisions = ['2025-11-25', '2026-07-28'] as const;
type Revision = (typeof revisions)[number];

interface Run {
  readonly direct: Results;
  readonly through: Results;
}

let world: World;
const stops: (() => Promise<void>)[] = [];
const runs = new Map<Revision, Run>();

beforeAll(async () => {
  [world] = await Promise.all([World.start(), fetchSuite()]);
  // One after the other: alice has one browser.
  const shims = [await bothWays('2025-11-25'), await bothWays('2026-07-28')];
  // The suite sends its own address as Origin, once with each.
  const origins = shims.map(({ through }) => through.origin).join(',');
  await world.trial.restart('gateway', { SYMBOLON_GATEWAY_ORIGINS: origins });
  for (const [index, revision] of revisions.entries())
    runs.set(revision, await played(revision, shims[index] ?? expect.fail()));
});

afterAll(async () => {
  await Promise.all(stops.map((stop) => stop()));
  await world?.stop();
});

/** Two servers alike, since a run changes what a server tells others; one of them behind the gateway. */
async function bothWays(revision: Revision): Promise<Record<'direct' | 'through', LocalServer>> {
  const [near, far] = await Promise.all([ConformanceServer.start(), ConformanceServer.start()]);
  const slug = `conformance-${revision}`;
  const address = await world.connected(slug, far.url);
  const direct = await startBearerShim(near.url, 'of-the-server-itself');
  const through = await startBearerShim(address, world.alice.accessToken);
  for (const started of [near, far, direct, through]) stops.push(() => started.stop());
  return { direct, through };
}

/**
 * Within two seconds, says the suite of some answers: where the server itself is too late for that, because the machine
 * is busy, nothing can be compared, and both are asked once more.
 */
async function played(
  revision: Revision,
  { direct, through }: Record<'direct' | 'through', LocalServer>,
): Promise<Run> {
  const play = async (server: LocalServer) => runSuite('server', asked(revision, server));
  const run = { direct: await play(direct), through: await play(through) };
  if (failing(run.direct).length === 0) return run;
  return { direct: await play(direct), through: await play(through) };
}

/** Tasks are an extension: reported by the suite, required of nobody. */
function failing(results: Results): readonly string[] {
  return [...results]
    .filter(([, checks]) => checks.some(({ status }) => status === 'FAILURE'))
    .map(([name]) => name)
    .filter((name) => !name.startsWith('tasks-'));
}

function asked(revision: Revision, { origin }: LocalServer): readonly string[] {
  return ['--url', `${origin}/mcp`, '--requirements', revision, '--timeout', '120000'];
}

test.each(revisions)(
  'requirements of %s: every check of every scenario ends through the gateway as it does at the server itself',
  (revision) => {
    const { direct, through } = runs.get(revision) ?? expect.fail();
    console.log(table(revision, { direct, through }));
    expect(Object.fromEntries(through)).toEqual(Object.fromEntries(direct));
  },
);

test.each([
  ['2025-11-25', 30],
  ['2026-07-28', 37],
] as const)('of %s the server itself passes all %i scenarios that count', (revision, required) => {
  const { direct } = runs.get(revision) ?? expect.fail();
  expect(failing(direct)).toEqual([]);
  expect(direct.size).toBeGreaterThanOrEqual(required);
});

function table(revision: Revision, { direct, through }: Run): string {
  const rows = [...direct].map(([scenario, checks]) => {
    const passed = passedOf(through.get(scenario) ?? []).padEnd(9);
    return `${scenario.padEnd(48)}${passedOf(checks).padEnd(9)}${passed}`;
  });
  return [`${revision.padEnd(48)}direct   through`, ...rows].join('\n');
}
