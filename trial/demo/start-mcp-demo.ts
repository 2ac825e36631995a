import { randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import {
  NodeStreamableHTTPServerTransport,
  toNodeHandler,
  toWebRequest,
} from '@modelcontextprotocol/node';
import { createMcpHandler, isLegacyRequest } from '@modelcontextprotocol/server';
import type { AuthInfo, ServerContext } from '@modelcontextprotocol/server';
import { readBody, sendJson, startLocalServer } from '#lib/testing/local-server';
import type { LocalServer } from '#lib/testing/local-server';
import { Recorder } from '../recorder.js';
import { answerByMode } from '../service-mode.js';
import type { DemoConfig } from './demo-config.js';
import { serveDemoControl } from './demo-control.js';
import type { DemoState } from './demo-control.js';
import { demoMcpServer } from './demo-mcp-server.js';
import { TokenRule } from './token-rule.js';
import type { TokenHolder } from './token-rule.js';

interface Session {
  readonly transport: NodeStreamableHTTPServerTransport;
  readonly subject: string;
}

/** The demo MCP server: both protocol eras on `/mcp`; the older one with sessions and a GET stream. */
export async function startMcpDemo(config: DemoConfig): Promise<LocalServer> {
  const rule = new TokenRule(config);
  const recorder = new Recorder();
  const state: DemoState = { mode: 'up', recorder, rule, controlToken: config.controlToken };
  const modern = toNodeHandler(
    createMcpHandler(() => demoMcpServer(holderIn), { legacy: 'reject' }),
  );
  const sessions = new Map<string, Session>();
  return startLocalServer(async (request, response) => {
    const path = new URL(request.url ?? '/', config.resource).pathname;
    if (path.startsWith('/trial/')) return serveDemoControl(state, request, response);
    const received = recorder.add(request);
    if (answerByMode(state.mode, response)) return;
    if (path.startsWith('/.well-known/oauth-protected-resource')) {
      return sendJson(response, 200, rule.metadata(['warehouse:read', 'query:run']));
    }
    if (path !== '/mcp') return sendJson(response, 404, {});
    const holder = await rule.holderOf(request);
    if (holder === undefined) {
      response.setHeader('www-authenticate', rule.challenge(request.headers.authorization));
      return sendJson(response, 401, { error: 'invalid_token' });
    }
    received.body = await readBody(request);
    const authorized = Object.assign(request, { auth: authInfo(holder) });
    const body = parse(received.body);
    if (await isLegacyRequest(await toWebRequest(request, body ?? {}), body)) {
      return legacy(sessions, authorized, response, body, holder);
    }
    await modern(authorized, response, body);
  }, config.port);
}

type AuthorizedRequest = IncomingMessage & { auth: AuthInfo };

async function legacy(
  sessions: Map<string, Session>,
  request: AuthorizedRequest,
  response: ServerResponse,
  body: unknown,
  holder: TokenHolder,
): Promise<void> {
  const id = request.headers['mcp-session-id'];
  const known = typeof id === 'string' ? sessions.get(id) : undefined;
  // A session of somebody else is as unknown as one that never was.
  if (id !== undefined && known?.subject !== holder.payload.sub) {
    return sendJson(response, 404, rpcError(-32_001, 'Session not found'));
  }
  const transport = known?.transport ?? (await openSession(sessions, holder));
  await transport.handleRequest(request, response, body);
}

async function openSession(
  sessions: Map<string, Session>,
  holder: TokenHolder,
): Promise<NodeStreamableHTTPServerTransport> {
  const subject = String(holder.payload.sub);
  const transport = new NodeStreamableHTTPServerTransport({
    sessionIdGenerator: randomUUID,
    onsessioninitialized: (id) => void sessions.set(id, { transport, subject }),
    onsessionclosed: (id) => void sessions.delete(id),
  });
  await demoMcpServer(holderIn).connect(transport);
  return transport;
}

function authInfo(holder: TokenHolder): AuthInfo {
  return {
    token: holder.token,
    clientId: String(holder.payload['client_id']),
    scopes: [...holder.scopes],
    extra: { holder },
  };
}

function holderIn(ctx: ServerContext): TokenHolder {
  const holder = ctx.http?.authInfo?.extra?.['holder'];
  if (holder === undefined) throw new Error('a request came this far without a token');
  return holder as TokenHolder;
}

function parse(body: string): unknown {
  try {
    return body === '' ? undefined : JSON.parse(body);
  } catch {
    return undefined;
  }
}

function rpcError(code: number, message: string) {
  return { jsonrpc: '2.0', id: null, error: { code, message } };
}
