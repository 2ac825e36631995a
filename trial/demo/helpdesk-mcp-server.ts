import { McpServer } from '@modelcontextprotocol/server';
import type { ServerContext } from '@modelcontextprotocol/server';
import { z } from 'zod';
import type { HelpdeskUser } from './helpdesk-tokens.js';

const tickets = [
  { id: 'T-1', title: 'The screen stays dark', owner: 'alice' },
  { id: 'T-2', title: 'A new keyboard', owner: 'alice' },
  { id: 'T-3', title: 'Access to the archive', owner: 'bob' },
];

type Caller = (ctx: ServerContext) => HelpdeskUser | undefined;

const ticket = z.object({ id: z.string().default('T-1') });

/** Five tools for five rules: the server itself knows only whose token it was sent, if any. */
export function helpdeskMcpServer(callerIn: Caller): McpServer {
  const server = new McpServer({ name: 'helpdesk', title: 'Demo helpdesk', version: '1.0.0' });
  const register = (
    name: string,
    description: string,
    answer: (user: HelpdeskUser, id: string) => string,
  ) =>
    server.registerTool(name, { description, inputSchema: ticket }, ({ id }, ctx) => {
      const user = callerIn(ctx);
      const text = user === undefined ? 'The helpdesk does not know you.' : answer(user, id);
      return { isError: user === undefined, content: [{ type: 'text', text }] };
    });
  server.registerTool(
    'status',
    { description: 'Whether the helpdesk is open. For anybody.', inputSchema: z.object({}) },
    () => ({ content: [{ type: 'text', text: `Open. ${tickets.length} tickets.` }] }),
  );
  register('list_tickets', 'The tickets of the caller.', (user) =>
    tickets.flatMap(({ id, title, owner }) => (owner === user ? `${id} ${title}` : [])).join('; '),
  );
  register('close_ticket', 'Closes a ticket.', (user, id) => `${id} closed by ${user}.`);
  register('assign_ticket', 'Gives a ticket away.', (user, id) => `${id} assigned by ${user}.`);
  register('purge_tickets', 'Deletes every ticket.', () => 'This demo deletes nothing.');
  return server;
}
