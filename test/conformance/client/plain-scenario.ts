import { modern, v1 } from '../features/peer.js';
import type { Peer } from '../features/peer.js';
import type { World } from '../world.js';
import { known, registerUpstream } from './registered.js';
import type { Scenario } from './registered.js';

/** What is called after the lists, by scenario; the first tool with two numbers where nothing else is said. */
const calls: Readonly<Record<string, (tools: readonly Tool[]) => readonly Called[]>> = {
  'json-schema-ref-no-deref': () => [],
  'request-metadata': () => [],
  'sse-retry': () => [{ name: 'test_reconnection', arguments: {} }],
  'sep-2322-client-request-state': (tools) => tools.map(({ name }) => ({ name, arguments: {} })),
  'json-schema-2020-12-preservation': ([focal]) => [
    { name: 'json_schema_echo', arguments: { schema: focal?.inputSchema } },
  ],
};

interface Tool {
  readonly name: string;
  readonly inputSchema: unknown;
}
interface Called {
  readonly name: string;
  readonly arguments: Record<string, unknown>;
}

/** An SDK's client talks through the gateway to a server that wants no credential. */
export async function playPlainScenario(
  world: World,
  slug: string,
  scenario: Scenario,
): Promise<string> {
  await registerUpstream(world, slug, scenario.server, { type: 'none' });
  const address = `${world.trial.urls.gateway}/mcp/${slug}`;
  await known(world, address);
  const connect = scenario.revision === '2026-07-28' ? modern : v1;
  const peer = await connect(address, world.alice.accessToken);
  try {
    return await talk(peer, scenario);
  } finally {
    await peer.end();
  }
}

async function talk(peer: Peer, { scenario }: Scenario): Promise<string> {
  const { tools } = (await peer.request('tools/list')) as { tools: readonly Tool[] };
  const name = tools[0]?.name ?? '';
  const ofScenario = calls[scenario] ?? (() => [{ name, arguments: { a: 2, b: 3 } }]);
  const results: unknown[] = [];
  for (const called of ofScenario(tools))
    results.push(await peer.request('tools/call', { ...called }));
  return JSON.stringify(results);
}
