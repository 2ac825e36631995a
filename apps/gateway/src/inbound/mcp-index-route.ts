import type { IncomingMessage, ServerResponse } from 'node:http';
import type { FastifyInstance } from 'fastify';
import type { Caller } from '#lib/jwt/caller';
import { Problem } from '#lib/problem/problem';
import { renderJsonRpcError, renderProblemJson, type JsonRpcId } from '#lib/problem/render';
import { decideAccess } from '#lib/access/access-rule';
import type { Upstreams } from '../upstreams/upstreams.js';
import type { Inbound } from './inbound.js';

export interface McpIndexDeps {
  readonly publicUrl: string;
  readonly inbound: Inbound;
  readonly upstreams: Upstreams;
}

const maxBodyBytes = 1 << 20;
/** JSON-RPC 2.0 §5.1: the first of the codes left to servers. */
const serverError = -32_000;

/**
 * `/mcp`: challenge and metadata as for any resource; to an admitted caller it names the addresses that
 * serve one upstream each. In JSON-RPC where the caller speaks it.
 */
export function registerMcpIndexRoute(fastify: FastifyInstance, deps: McpIndexDeps): void {
  fastify.register((scope, _options, done) => {
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser('*', (_request, _payload, parsed) => parsed(null));
    scope.all('/mcp', async (request, reply) => {
      reply.hijack();
      await answer(request.raw, reply.raw, request.id, deps);
    });
    done();
  });
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  requestId: string,
  deps: McpIndexDeps,
): Promise<void> {
  response.on('error', () => undefined);
  const admission = await deps.inbound.admit(request, '/mcp', undefined);
  if (!admission.ok) {
    const { code, detail, headers } = admission;
    return write(response, new Problem(code, detail, { headers }), requestId);
  }
  const addresses = addressesFor(admission.caller, deps);
  const problem = new Problem('not-supported', sentence(addresses), { extra: { addresses } });
  const id = request.method === 'POST' ? await requestIdOf(request) : undefined;
  if (id === undefined) return write(response, problem, requestId);
  const error = renderJsonRpcError(id, serverError, problem.detail, {
    type: 'urn:symbolon:not-supported',
    addresses,
  });
  response.writeHead(problem.status, {
    'content-type': 'application/json',
    'cache-control': 'no-store',
  });
  response.end(JSON.stringify(error));
}

/** Those that the caller may use now or after a step-up. */
function addressesFor(caller: Caller, { publicUrl, upstreams }: McpIndexDeps): string[] {
  return upstreams
    .all()
    .filter(
      ({ config }) =>
        config.type === 'mcp' && decideAccess(caller, config.access).kind !== 'claims',
    )
    .map(({ config }) => `${publicUrl}/mcp/${config.slug}`);
}

function sentence(addresses: readonly string[]): string {
  if (addresses.length === 0)
    return 'All servers in one are not supported yet, and there is none that you may use.';
  return `All servers in one are not supported yet. Connect to one of: ${addresses.join(', ')}`;
}

function write(response: ServerResponse, problem: Problem, requestId: string): void {
  const { status, headers, body } = renderProblemJson(problem, requestId);
  response.writeHead(status, { ...headers }).end(body);
}

/** The id of a JSON-RPC request; undefined for anything else. */
async function requestIdOf(request: IncomingMessage): Promise<JsonRpcId | undefined> {
  const chunks: Buffer[] = [];
  let length = 0;
  try {
    for await (const chunk of request as AsyncIterable<Buffer>) {
      length += chunk.length;
      if (length > maxBodyBytes) return undefined;
      chunks.push(chunk);
    }
    return idIn(JSON.parse(Buffer.concat(chunks).toString('utf8')));
  } catch {
    return undefined;
  }
}

function idIn(message: unknown): JsonRpcId | undefined {
  if (typeof message !== 'object' || message === null) return undefined;
  if (!('jsonrpc' in message) || !('id' in message)) return undefined;
  return typeof message.id === 'string' || typeof message.id === 'number' ? message.id : undefined;
}
