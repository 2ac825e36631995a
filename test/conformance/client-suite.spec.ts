import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { readBody, startLocalServer } from '#lib/testing/local-server';
import type { LocalServer } from '#lib/testing/local-server';
import { playAuthScenario } from './client/auth-scenario.js';
import { playPlainScenario } from './client/plain-scenario.js';
import type { Scenario } from './client/registered.js';
import { fetchSuite, passedOf, runSuite } from './suite.js';
import type { Check, Results } from './suite.js';
import { World } from './world.js';

const revisions = ['2025-11-25', '2026-07-28'] as const;

/** What the suite asks of others than us, and why. */
const notOurs: readonly (readonly [RegExp, string])[] = [
  [/^elicitation-sep1034-client-defaults$/, 'fills in forms: the client’s own, behind the gateway'],
  [/^http-(custom|standard)-headers$/, 'writes headers of arguments: the client’s own, passed on'],
  [/^http-invalid-tool-headers$/, 'leaves tools out of what a model sees: the client’s own'],
  [
    /^auth\/client-credentials-jwt$/,
    'signs with a key of the suite’s; the vault signs with its own',
  ],
  [/^auth\/(enterprise-managed-authorization|wif-jwt-bearer)$/, 'an extension: no person is asked'],
  [
    /^auth\/(basic-cimd|metadata-var[12]|token-.*|scope-(from|omitted).*|dpop.*)$/,
    'as of 2026-07-28',
  ],
];

let world: World;
let harness: LocalServer;
let played = 0;
let queue: Promise<unknown> = Promise.resolve();
const ended = new Map<string, string>();
const results = new Map<string, Results>();

beforeAll(async () => {
  [world] = await Promise.all([World.start(), fetchSuite()]);
  harness = await startLocalServer(async (request, response) => {
    const scenario = JSON.parse(await readBody(request)) as Scenario;
    // One at a time: alice has one browser.
    const mine = queue.then(() => play(scenario).catch((error: unknown) => error));
    queue = mine;
    const last = await mine;
    ended.set(`${scenario.revision} ${scenario.scenario}`, String(last));
    response.writeHead(last instanceof Error ? 500 : 200).end(String(last));
  });
  const driver = join(process.cwd(), 'dist/test/conformance/client/main.js');
  const names = ['SCENARIO', 'PROTOCOL_VERSION', 'CONTEXT'];
  const about = names.map((name) => `"$MCP_CONFORMANCE_${name}"`);
  const command = [process.execPath, driver, harness.origin, ...about].join(' ');
  for (const revision of revisions) {
    const args = ['--command', command, '--requirements', revision, '--timeout', '120000'];
    results.set(revision, await runSuite('client', args));
  }
});
afterAll(async () => {
  await harness?.stop();
  await world?.stop();
});

function play(scenario: Scenario): Promise<string> {
  const { scenario: name, revision } = scenario;
  if (isLeftOut(revision, name)) return Promise.reject(new Error('not ours'));
  played += 1;
  const slug = `scenario-${played}`;
  if (name.startsWith('auth/')) return playAuthScenario(world, slug, scenario);
  return playPlainScenario(world, slug, scenario);
}

/** Of what stands in both sets, authorization is played once: it has no eras. */
function isLeftOut(revision: string, name: string): boolean {
  return notOurs.some(
    ([pattern, why]) =>
      pattern.test(name) && (why !== 'as of 2026-07-28' || revision === '2025-11-25'),
  );
}

test.each([
  ['2025-11-25', 5],
  ['2026-07-28', 25],
] as const)(
  'client side of %s: what the vault and the gateway do upstream passes',
  (revision, least) => {
    const all = [...(results.get(revision) ?? [])];
    const ours = all.filter(([name]) => !isLeftOut(revision, name));
    console.log(table(revision, all));
    const failing = ours.filter(([, checks]) => checks.some(({ status }) => status === 'FAILURE'));
    const said = failing.map(([name, checks]) => ({
      name,
      failures: checks.filter(({ status }) => status === 'FAILURE'),
      ended: ended.get(`${revision} ${name}`),
    }));
    expect(said).toEqual([]);
    expect(ours.length).toBeGreaterThanOrEqual(least);
  },
);

function table(revision: string, all: readonly (readonly [string, readonly Check[]])[]): string {
  const rows = all.map(([name, checks]) => {
    const why = notOurs.find(([pattern]) => pattern.test(name))?.[1] ?? '';
    return `${name.padEnd(48)}${isLeftOut(revision, name) ? why : passedOf(checks)}`;
  });
  return [revision, ...rows].join('\n');
}
