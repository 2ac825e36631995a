import { PlainClient } from '../plain-client.js';
import type { Progress, Step, StepResult, Surroundings } from '../step.js';

export const oneAddress: Step = {
  id: 'one-address',
  title: 'All servers behind one address',
  text: (name) =>
    `A client that knows only the gateway’s address /mcp sees every server that ${name} may use, joined into one. Each tool has its server’s name before its own; a service that is not connected yet shows one tool, connect_ and its name.`,
  actions: [{ id: 'one-address', button: 'List the tools of all servers', run: list }],
};

async function list({ visitor }: Progress, { config }: Surroundings): Promise<StepResult> {
  const url = `${config.gateway}/mcp`;
  return PlainClient.use(url, visitor.accessToken, async (client) => {
    const tools = await client.tools();
    const { isError, text } = await client.call('helpdesk_status');
    return {
      outcome: isError ? 'failed' : 'done',
      says: `${tools.length} tools behind one address. helpdesk_status was called there: ${text}`,
      facts: [{ name: 'Address', value: url, exact: true }],
      table: {
        head: ['Tool', 'Server'],
        rows: tools.map((tool) => [tool, serverOf(tool)]),
      },
    };
  });
}

/** The trial's servers have the prefixes that they are given by default. */
function serverOf(tool: string): string {
  if (tool.startsWith('connect_')) return `${tool.slice('connect_'.length)}, not connected yet`;
  return tool.slice(0, tool.indexOf('_'));
}
