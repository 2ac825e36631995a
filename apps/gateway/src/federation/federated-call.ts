import { createHash } from 'node:crypto';
import type { UpstreamConfig } from '#lib/contract/config-snapshot';
import type { Caller } from '#lib/jwt/caller';
import type { BroughtToken } from '../inbound/brought-token.js';
import type { Refusal } from '../inbound/inbound.js';
import { isNobody, nobody } from '../mcp/guest.js';
import type { LegacySession } from '../mcp/legacy-session.js';
import type { McpCall } from '../mcp/mcp-call.js';
import { newestLegacyVersion } from '../mcp/era.js';
import type { JsonObject } from '../mcp/message.js';
import type { PreparedUpstream } from '../upstreams/upstreams.js';
import { federatedRoute } from './federated-state.js';
import { requestIds } from './request-ids.js';

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
  readonly request: McpCall['request'];
  readonly response: McpCall['response'];
  readonly caller: Caller;
  /** The inbound JWT: for the vault only. */
  readonly token: string;
  /** Aborted when the client leaves before its answer is complete. */
  readonly gone: AbortSignal;
  readonly outcome: McpCall['outcome'] & { upstream?: string };
  /** Set before anything is asked as this client. */
  client: ClientProfile;
  /** The token of this upstream that the caller brought, as `callerHeader` lets them. */
  brought(upstream: UpstreamConfig): BroughtToken | undefined;
  /** Where the caller is a guest: what everything of this upstream that is not public is answered. */
  lacking(upstream: PreparedUpstream): Refusal | undefined;
}

/** Who calls, for the policy: undefined where there is no token. */
export function whoOf({ caller }: Pick<FederatedCall, 'caller'>): Caller | undefined {
  return isNobody(caller) ? undefined : caller;
}

/** The same request, at one upstream. */
export function callAt(call: FederatedCall, upstream: PreparedUpstream): McpCall {
  const { requestId, request, response, caller, token, outcome } = call;
  const lacking = call.lacking(upstream);
  // Whoever may use but what is public uses it with what is lent for that.
  const brought = lacking === undefined ? call.brought(upstream.config) : undefined;
  return {
    ...{ requestId, request, response, caller, token, outcome, upstream, lacking },
    route: federatedRoute,
    brought: brought?.kind === 'token' ? brought.token : undefined,
    get gone() {
      return call.gone;
    },
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

/** What a modern client says of itself with each request. */
export type Declared = Pick<ClientProfile, 'capabilities' | 'clientInfo' | 'logLevel'>;

export const saysNothing: Declared = {
  capabilities: {},
  clientInfo: { name: 'unknown', version: '0' },
  logLevel: undefined,
};

/** A modern client: equal ones of the same person share their sessions at legacy upstreams, strangers never do. */
export function modernProfile(caller: Caller, declared: Declared): ClientProfile {
  if (isNobody(caller))
    // A legacy upstream cannot ask nobody in particular: its session ends with this one request.
    return {
      ...{ era: 'modern', ...declared },
      session: sessionOf(nobody, `guest:${requestIds.next()}`, {
        capabilities: {},
        clientInfo: declared.clientInfo,
      }),
    };
  let session: LegacySession | undefined;
  return {
    ...{ era: 'modern', ...declared },
    // Only legacy upstreams have any.
    get session() {
      return (session ??= sharedSession(caller, declared));
    },
  };
}

function sharedSession(caller: Caller, { capabilities, clientInfo }: Declared): LegacySession {
  const shared = JSON.stringify([caller.application, capabilities, clientInfo]);
  const nonce = `modern:${createHash('sha256').update(shared).digest('base64url')}`;
  return sessionOf(caller, nonce, { capabilities, clientInfo });
}

/** As which the gateway itself asks for what all guests see. */
export const guestsProfile: ClientProfile = {
  era: 'modern',
  ...saysNothing,
  session: sessionOf(nobody, 'guests', saysNothing),
};

function sessionOf(
  { issuer, subject, application }: Caller,
  nonce: string,
  { capabilities, clientInfo }: Pick<Declared, 'capabilities' | 'clientInfo'>,
): LegacySession {
  const version = newestLegacyVersion;
  const initialize = { protocolVersion: version, capabilities, clientInfo };
  return { nonce, issuer, subject, application, version, initialize, exp: Infinity };
}

export function legacyProfile(session: LegacySession, logLevel: string | undefined): ClientProfile {
  const { capabilities, clientInfo } = session.initialize;
  return { era: 'legacy', capabilities, clientInfo, logLevel, session };
}

/**
 * The client's session as one upstream's sessions are kept: never found under another upstream. Tasks that a client itself
 * runs are not offered: their ids are for one server, and here each could list those of the others.
 */
export function sessionAt({ session }: ClientProfile, slug: string): LegacySession {
  const { tasks, ...capabilities } = session.initialize.capabilities;
  const initialize = { ...session.initialize, capabilities };
  return { ...session, initialize, nonce: `${session.nonce}/${slug}` };
}
