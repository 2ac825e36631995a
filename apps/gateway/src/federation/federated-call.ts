import { createHash } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { UpstreamConfig } from '#lib/contract/config-snapshot';
import type { Caller } from '#lib/jwt/caller';
import type { BroughtToken } from '../inbound/brought-token.js';
import type { LegacySession } from '../mcp/legacy-session.js';
import type { McpCall } from '../mcp/mcp-call.js';
import { newestLegacyVersion } from '../mcp/era.js';
import type { JsonObject } from '../mcp/message.js';
import type { PreparedUpstream } from '../upstreams/upstreams.js';
import { federatedRoute } from './federated-state.js';

/** The program that calls, as upstreams get to know it: what it declared and nothing more. */
export interface ClientProfile {
  readonly era: 'modern' | 'legacy';
  readonly capabilities: JsonObject;
  readonly clientInfo: LegacySession['initialize']['clientInfo'];
  /** From which level on it wants log messages; undefined: it has not asked. */
  readonly logLevel: string | undefined;
  /** Under which sessions at legacy upstreams are opened for it; a modern client has none of its own. */
  readonly session: LegacySession;
}

/** One admitted HTTP request to `/mcp`, before it is known which upstream it is for. */
export interface FederatedCall {
  readonly requestId: string;
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly caller: Caller;
  /** The inbound JWT: for the vault only. */
  readonly token: string;
  /** Aborted when the client leaves before its answer is complete. */
  readonly gone: AbortSignal;
  readonly outcome: McpCall['outcome'] & { upstream?: string };
  readonly client: ClientProfile;
  /** The token of this upstream that the caller brought, as `callerHeader` lets them. */
  readonly brought: (upstream: UpstreamConfig) => BroughtToken | undefined;
}

/** The same request, at one upstream. */
export function callAt(call: FederatedCall, upstream: PreparedUpstream): McpCall {
  const { requestId, request, response, caller, token, gone, outcome } = call;
  const route = federatedRoute;
  const brought = call.brought(upstream.config);
  return {
    ...{ requestId, request, response, caller, token, gone, outcome, upstream, route },
    ...(brought?.kind === 'token' ? { brought: brought.token } : {}),
  };
}

/** One person through one application. */
export function personOf({ issuer, subject, application }: Caller): string {
  return JSON.stringify([issuer, subject, application]);
}

/** How the keys of one person through all applications begin. */
export function personPrefix(issuer: string, subject: string): string {
  return `${JSON.stringify([issuer, subject]).slice(0, -1)},`;
}

const anonymousClient = { name: 'unknown', version: '0' };

/** A modern client: equal ones of the same person share their sessions at legacy upstreams. */
export function modernProfile(
  caller: Caller,
  capabilities: JsonObject,
  clientInfo: ClientProfile['clientInfo'] = anonymousClient,
  logLevel: string | undefined,
): ClientProfile {
  const { issuer, subject, application } = caller;
  const declared = JSON.stringify([application, capabilities, clientInfo]);
  const nonce = `modern:${createHash('sha256').update(declared).digest('base64url')}`;
  const initialize = { protocolVersion: newestLegacyVersion, capabilities, clientInfo };
  const owner = { issuer, subject, application };
  const session = { nonce, ...owner, version: newestLegacyVersion, initialize, exp: Infinity };
  return { era: 'modern', capabilities, clientInfo, logLevel, session };
}

export function legacyProfile(session: LegacySession, logLevel: string | undefined): ClientProfile {
  const { capabilities, clientInfo } = session.initialize;
  return { era: 'legacy', capabilities, clientInfo, logLevel, session };
}

/** The client's session as one upstream's sessions are kept: never found under another upstream. */
export function sessionAt(client: ClientProfile, slug: string): LegacySession {
  return { ...client.session, nonce: `${client.session.nonce}/${slug}` };
}
