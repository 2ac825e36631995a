import type { World } from '../world.js';
import { McpCaller } from './mcp-caller.js';
import { known, put, registerUpstream } from './registered.js';
import type { Scenario } from './registered.js';

const call = { name: 'test-tool', arguments: {} };

/**
 * An administrator registers the scenario's server by its address alone, a person calls its tool through the gateway and
 * agrees to what the vault asks. Answers what came last; throws where it cannot go on.
 */
export async function playAuthScenario(
  world: World,
  slug: string,
  scenario: Scenario,
): Promise<string> {
  await register(world, slug, scenario);
  const address = `${world.trial.urls.gateway}/mcp/${slug}`;
  await known(world, address);
  const program = new McpCaller(address, world.alice.accessToken, scenario.revision);
  const text = await connect(world, program);
  if (scenario.scenario !== 'auth/authorization-server-migration') return text;
  // An administrator follows the server to where it has gone; a person agrees again.
  await register(world, slug, scenario, { issuer: await issuerOf(scenario) });
  return connect(world, program);
}

async function connect(world: World, program: McpCaller): Promise<string> {
  // First connection, then more scopes; a server that never has enough must not be asked for ever.
  for (let round = 0; round < 6; round += 1) {
    const text = await program.call('tools/call', call);
    const link = /"url":"(http[^"]+\/connect\/[^"]+)"/.exec(text)?.[1];
    if (link === undefined) return text;
    const page = await world.alice.consent(link);
    if (!page.body.includes('is connected'))
      throw new Error(
        `not connected: ${page.status} ${/<h1>.*?<\/h1>/.exec(page.body)?.[0] ?? ''}`,
      );
  }
  throw new Error('it asks again and again');
}

/** The authorization server that the MCP server names now. */
async function issuerOf({ server }: Scenario): Promise<string> {
  const { origin, pathname } = new URL(server);
  const answer = await fetch(`${origin}/.well-known/oauth-protected-resource${pathname}`);
  const {
    authorization_servers: [issuer],
  } = (await answer.json()) as {
    readonly authorization_servers: readonly [string];
  };
  return issuer;
}

async function register(
  world: World,
  slug: string,
  scenario: Scenario,
  moved: { readonly issuer?: string } = {},
): Promise<void> {
  await put(world, `oauth-clients/${slug}`, {
    name: slug,
    discoverFrom: scenario.server,
    clientAuth: 'auto',
    ...registration(scenario),
    ...scopes[scenario.scenario],
    ...moved,
  });
  const type = isNobodysOwn(scenario) ? 'client-credentials' : 'oauth';
  await registerUpstream(world, slug, scenario.server, { type, oauthClient: slug });
}

/** RFC 6749 §4.4: one token for all whom the gateway admits. */
function isNobodysOwn({ scenario }: Scenario): boolean {
  return scenario === 'auth/client-credentials-basic';
}

/** Which permissions people are asked for is an administrator's decision here, not that of whoever answers 401. */
const scopes: Readonly<Record<string, object>> = {
  'auth/scope-from-www-authenticate': { scopes: ['mcp:basic'] },
  'auth/scope-from-scopes-supported': { scopes: ['mcp:basic', 'mcp:read', 'mcp:write'] },
  'auth/scope-step-up': { scopes: ['mcp:basic'], optionalScopes: ['mcp:write'] },
  'auth/scope-retry-limit': { scopes: ['mcp:basic'], optionalScopes: ['mcp:admin'] },
};

/** What an administrator would choose: their own registration, else a document where that is offered, else RFC 7591. */
function registration({ scenario, context }: Scenario): Record<string, unknown> {
  const given = context === '' ? {} : (JSON.parse(context) as Record<string, string>);
  const { client_id: clientId, client_secret: clientSecret } = given;
  if (clientId !== undefined)
    return { registration: 'static', clientAuth: 'client_secret_basic', clientId, clientSecret };
  if (scenario === 'auth/basic-cimd') return { registration: 'metadata-document' };
  return { registration: 'dynamic' };
}
