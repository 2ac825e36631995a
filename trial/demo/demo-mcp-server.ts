import { setTimeout as sleep } from 'node:timers/promises';
import { McpServer } from '@modelcontextprotocol/server';
import type { ServerContext } from '@modelcontextprotocol/server';
import { z } from 'zod';
import type { TokenHolder } from './token-rule.js';
import { query, userOf, warehousesOf } from './warehouse.js';

const whoamiShape = z.object({
  account: z.string(),
  role: z.string(),
  /** Epoch seconds. */
  issuedAt: z.number(),
  expiresAt: z.number(),
  tokenFingerprint: z.string(),
});

/** The tools of a small data warehouse, in Snowflake's role. `holderOf` tells who is calling, per call. */
export function demoMcpServer(holderOf: (ctx: ServerContext) => TokenHolder): McpServer {
  const server = new McpServer(
    { name: 'snowdemo', title: 'Demo warehouse', version: '1.0.0' },
    { instructions: 'A warehouse with three tools. Each person sees what their role may see.' },
  );
  registerWhoami(server, holderOf);
  registerWarehouse(server, holderOf);
  registerProgress(server);
  registerReading(server, holderOf);
  return server;
}

function registerWhoami(server: McpServer, holderOf: (ctx: ServerContext) => TokenHolder): void {
  server.registerTool(
    'whoami',
    {
      title: 'Who am I here?',
      description: 'The account and role of the caller, and when their token was issued and ends.',
      inputSchema: z.object({}),
      outputSchema: whoamiShape,
      annotations: { readOnlyHint: true },
    },
    (_input, ctx) => {
      const { payload, fingerprint, upn } = holderOf(ctx);
      const user = userOf(upn);
      if (user === undefined) return refusal(`No user of this warehouse is mapped to ${upn}.`);
      return structured({
        account: user.account,
        role: user.role,
        issuedAt: payload.iat ?? 0,
        expiresAt: payload.exp ?? 0,
        tokenFingerprint: fingerprint,
      });
    },
  );
}

function registerWarehouse(server: McpServer, holderOf: (ctx: ServerContext) => TokenHolder): void {
  server.registerTool(
    'list_warehouses',
    {
      title: 'List warehouses',
      description: 'The warehouses that the caller may use.',
      inputSchema: z.object({}),
      outputSchema: z.object({ warehouses: z.array(z.string()) }),
      annotations: { readOnlyHint: true },
    },
    (_input, ctx) => {
      const user = userOf(holderOf(ctx).upn);
      if (user === undefined) return refusal('You are not a user of this warehouse.');
      return structured({ warehouses: [...warehousesOf(user)] });
    },
  );
  server.registerTool(
    'run_query',
    {
      title: 'Run a query',
      description: 'Orders by region; revenue too for those who may see it.',
      inputSchema: z.object({ sql: z.string().max(10_000).default('SELECT * FROM orders') }),
      outputSchema: z.object({
        role: z.string(),
        rows: z.array(z.record(z.string(), z.union([z.string(), z.number()]))),
      }),
      annotations: { readOnlyHint: true },
    },
    (_input, ctx) => {
      const { upn, scopes } = holderOf(ctx);
      const user = userOf(upn);
      if (user === undefined) return refusal('You are not a user of this warehouse.');
      if (!scopes.includes('query:run')) return refusal('Your token does not allow queries.');
      return structured({ role: user.role, rows: [...query(user)] });
    },
  );
}

function registerProgress(server: McpServer): void {
  server.registerTool(
    'slow_progress',
    {
      title: 'Work slowly',
      description: 'Reports progress in steps, then finishes.',
      inputSchema: z.object({
        steps: z.number().int().min(1).max(20).default(3),
        stepMs: z.number().int().min(0).max(5_000).default(200),
      }),
    },
    async ({ steps, stepMs }, ctx) => {
      const progressToken = ctx.mcpReq._meta?.progressToken;
      for (let progress = 1; progress <= steps; progress += 1) {
        await sleep(stepMs, undefined, { signal: ctx.mcpReq.signal });
        if (progressToken === undefined) continue;
        const params = { progressToken, progress, total: steps, message: `step ${progress}` };
        await ctx.mcpReq.notify({ method: 'notifications/progress', params });
      }
      return { content: [{ type: 'text', text: `${steps} steps done` }] };
    },
  );
}

function registerReading(server: McpServer, holderOf: (ctx: ServerContext) => TokenHolder): void {
  server.registerResource(
    'orders-schema',
    'warehouse://schema/orders',
    { title: 'Schema of orders', mimeType: 'text/plain' },
    (uri, ctx) => {
      const role = userOf(holderOf(ctx).upn)?.role ?? 'none';
      return { contents: [{ uri: uri.href, text: `orders(region, orders, revenue) as ${role}` }] };
    },
  );
  server.registerPrompt(
    'weekly_summary',
    {
      title: 'Weekly summary',
      description: 'Asks for a summary of the orders of one region.',
      argsSchema: z.object({ region: z.string() }),
    },
    ({ region }) => ({
      messages: [
        { role: 'user', content: { type: 'text', text: `Summarise the orders of ${region}.` } },
      ],
    }),
  );
}

function structured(value: Record<string, unknown>) {
  return {
    structuredContent: value,
    content: [{ type: 'text' as const, text: JSON.stringify(value) }],
  };
}

function refusal(text: string) {
  return { isError: true, content: [{ type: 'text' as const, text }] };
}
