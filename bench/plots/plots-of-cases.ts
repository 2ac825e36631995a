import type { Plot } from './plots.js';

const bare = { subject: 'bare node:http + undici', word: 'of bare' };
const post = { method: 'POST', bytes: 1024, pace: 'full' } as const;
const call = { revision: '2026-07-28', connections: 64, pace: 'full' } as const;
const people = { load: 'people', counted: 'people' };
const connections = { load: 'connections', counted: 'connections' };

/** Which plots docs/performance.md shows of each case. */
export const plotsOfCases: Readonly<Record<string, readonly Plot[]>> = {
  http: [
    {
      name: 'http-throughput',
      title: 'POST of 1 KB through /http',
      under:
        '64 connections, 200 users; each proxy in one thread; load generator on the same cores',
      figure: 'throughput',
      where: { ...post, connections: 64 },
      of: bare,
    },
    {
      name: 'http-cpu',
      title: 'Processor time of a POST of 1 KB',
      under: '64 connections, 200 users; of the process that is measured, less is better',
      figure: 'CPU per request',
      where: { ...post, connections: 64 },
      of: bare,
    },
    {
      name: 'http-throughput-by-connections',
      title: 'Throughput by number of connections',
      under: 'POST of 1 KB, 200 users, as many calls as are answered',
      figure: 'throughput',
      where: post,
      by: connections,
      logarithmic: true,
    },
    {
      name: 'http-p50-by-connections',
      title: 'Time of a call by number of connections',
      under:
        'POST of 1 KB, 200 users, as many calls as are answered: most of it is waiting for a turn',
      figure: 'p50',
      where: post,
      by: connections,
      logarithmic: true,
    },
  ],
  mcp: [
    {
      name: 'mcp-throughput',
      title: 'tools/call through /mcp/{upstream}',
      under: 'MCP 2026-07-28, 1 KB each way, 64 connections, 200 users',
      figure: 'throughput',
      where: call,
      of: bare,
    },
    {
      name: 'mcp-cpu',
      title: 'Processor time of a tools/call',
      under: 'MCP 2026-07-28, 1 KB each way, 64 connections, 200 users; less is better',
      figure: 'CPU per request',
      where: call,
      of: bare,
    },
  ],
  layers: [
    {
      name: 'layers-cpu',
      title: 'Processor time of a call, one thing after another switched on',
      under: 'a line with + has what the one above it has; POST of 1 KB, 64 connections, 200 users',
      figure: 'CPU per request',
      ours: /^(?!bare)/,
      of: bare,
    },
  ],
  federation: [
    {
      name: 'federation-p50-by-servers',
      title: 'A call at /mcp by number of servers joined',
      under: '50 tools each, lists at hand, 16 connections',
      figure: 'p50',
      beside: ['method'],
      by: { load: 'servers', counted: 'servers', levels: true },
    },
    {
      name: 'federation-cpu-by-servers',
      title: 'Processor time of a call at /mcp by number of servers joined',
      under: '50 tools each, lists at hand, 16 connections; less is better',
      figure: 'CPU per request',
      beside: ['method'],
      by: { load: 'servers', counted: 'servers', levels: true },
    },
  ],
  workers: [
    {
      name: 'workers-throughput',
      title: 'One gateway process and two workers',
      under: '64 connections, 200 users; upstream and load generator take part of the same cores',
      figure: 'throughput',
      beside: ['calls'],
      ours: /workers/,
    },
  ],
  flood: [
    {
      name: 'flood-cpu',
      title: 'What a call with a bad token costs the gateway',
      under: '32 connections, as many calls as are answered; less is better',
      figure: 'CPU per call',
      ours: /^valid/,
      of: { subject: 'valid tokens, the call answered by the upstream', word: 'of a valid one' },
    },
  ],
  overload: [
    {
      name: 'overload-p99',
      title: 'The slowest admitted calls above capacity',
      under: 'calls offered at twice what the gateway can serve; p99 of those it admitted',
      figure: 'admitted p99',
      where: { 'of capacity': '2 ×' },
      ours: /as it is set/,
    },
  ],
  cold: [
    {
      name: 'cold-memory',
      title: 'Memory of a gateway by number of people who called it',
      under:
        'each with a token of their own, verified and exchanged; people on a logarithmic scale',
      figure: 'RSS',
      by: people,
      ours: /./,
    },
    {
      name: 'cold-cpu-by-people',
      title: 'Processor time of a call by number of people who called before',
      under: 'the first call of a person, and calls of people who called within the last minute',
      figure: 'CPU per call',
      by: people,
      logarithmic: true,
      ours: /./,
    },
  ],
  streams: [
    {
      name: 'streams-head',
      title: 'Time to the head of a stream, many opened at once',
      under: 'server-sent events; each stream stays open until all are',
      figure: 'head p50',
      ours: /^\//,
    },
  ],
  vault: [
    {
      name: 'vault-throughput',
      title: 'Exchanges of a stored token',
      under: '64 connections; the same durable Postgres on the same cores',
      figure: 'throughput',
      where: { connections: 64 },
      of: { subject: 'bare node:http, one pg select by key', word: 'of the bare select' },
    },
  ],
  refresh: [
    {
      name: 'refresh-throughput',
      title: 'Refreshes of grants that fall due together',
      under: 'against the token endpoint of the same provider, asked by the load generator',
      figure: 'throughput',
      of: { subject: "the provider's token endpoint itself", word: 'of the provider' },
    },
  ],
};
