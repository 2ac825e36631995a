import { createHash, randomBytes } from 'node:crypto';
import { z } from 'zod';
import type { Caller } from '#lib/jwt/caller';
import type { StateSealer } from '../sealed-state.js';
import { legacyVersions, newestLegacyVersion } from './era.js';
import { isNobody } from './guest.js';
import { isObject, type JsonObject } from './message.js';
import { rpcError, type RpcAnswer } from './rpc-answer.js';

const purpose = 'legacy-session';
const lifeSeconds = 24 * 60 * 60;
// The id travels in a header beside a JWT; Node's limit for all headers is 16 KiB.
const longestParams = 3000;
const longestId = 8192;

export const noSessionId: RpcAnswer = {
  ...rpcError(null, -32000, 'Bad request: Mcp-Session-Id is missing.'),
  status: 400,
};
export const sessionNotFound: RpcAnswer = {
  ...rpcError(null, -32001, 'Session not found.'),
  status: 404,
};
export const noStream: RpcAnswer = {
  ...rpcError(null, -32000, 'There is no such stream without access to this server.'),
  status: 405,
  headers: { allow: 'POST, DELETE' },
};
export const wantsEventStream: RpcAnswer = {
  ...rpcError(null, -32000, 'Accept must name text/event-stream.'),
  status: 406,
};

const initializeParams = z.object({
  protocolVersion: z.string().max(64),
  capabilities: z.record(z.string(), z.unknown()),
  clientInfo: z.object({ name: z.string(), version: z.string(), title: z.string().optional() }),
});
export type InitializeParams = z.output<typeof initializeParams>;

const legacySession = z.object({
  nonce: z.string(),
  issuer: z.string(),
  subject: z.string(),
  application: z.string(),
  /** The negotiated revision. */
  version: z.string(),
  initialize: initializeParams,
  /** Epoch seconds. */
  exp: z.number(),
});
/** A session without a place to store it: the id that the client sends is all there is. */
export type LegacySession = z.output<typeof legacySession>;

/** What a session can be opened with, or undefined: malformed, or too much to carry in a header. */
export function readInitializeParams(params: JsonObject): InitializeParams | undefined {
  const parsed = initializeParams.safeParse(params);
  if (!parsed.success) return undefined;
  if (JSON.stringify(parsed.data).length <= longestParams) return parsed.data;
  const { experimental, extensions, ...capabilities } = parsed.data.capabilities;
  const trimmed = { ...parsed.data, capabilities };
  return JSON.stringify(trimmed).length <= longestParams ? trimmed : undefined;
}

/** Where the gateway negotiates itself: the version asked for if it is known, else the newest. */
export function negotiatedVersion(requested: string): string {
  return legacyVersions.includes(requested) ? requested : newestLegacyVersion;
}

export function newSession(
  caller: Caller,
  initialize: InitializeParams,
  version: string,
  now: number,
): LegacySession {
  const { issuer, subject, application } = caller;
  const nonce = randomBytes(16).toString('base64url');
  return { nonce, issuer, subject, application, version, initialize, exp: now + lifeSeconds };
}

export function sealSession(sealer: StateSealer, route: string, session: LegacySession): string {
  return sealer.sealKept(purpose, route, session);
}

const mostOpened = 4096;

/** Sessions by their ids. One that was opened is remembered: to open it costs more than to pass on a call. */
export class OpenedSessions {
  readonly #opened = new Map<string, Opened>();

  constructor(private readonly sealer: StateSealer) {}

  /** Undefined for everything that is not this caller's live session here: the answer is 404 for all of them. */
  find(
    route: string,
    id: string,
    expected: { readonly caller: Caller; readonly now: number },
  ): LegacySession | undefined {
    if (id.length > longestId) return undefined;
    const session = this.#open(route, id);
    if (session === undefined || session.exp <= expected.now) return undefined;
    const { issuer, subject, application } = expected.caller;
    if (isNobody(session))
      return isNobody(expected.caller) ? session : carriedOver(session, expected.caller);
    const same =
      session.issuer === issuer &&
      session.subject === subject &&
      session.application === application;
    return same ? session : undefined;
  }

  #open(route: string, id: string): LegacySession | undefined {
    const known = this.#opened.get(id);
    if (known?.route === route) return known.session;
    const session = opened(this.sealer, route, id);
    if (session === undefined) return undefined;
    // A copy: what was cut from a head would keep the whole of it, the caller's token too.
    this.#opened.set(Buffer.from(id).toString(), { route, session });
    const [oldest] = this.#opened.keys();
    if (this.#opened.size > mostOpened && oldest !== undefined) this.#opened.delete(oldest);
    return session;
  }
}

interface Opened {
  /** Where it was opened, and nowhere else: an id is sealed for one route. */
  readonly route: string;
  readonly session: LegacySession;
}

/**
 * Opened by nobody and gone on with by somebody who has signed in. It holds what the client said of itself and nothing
 * else; with a nonce of this person's own, nothing that two people do with one such id meets.
 */
function carriedOver(session: LegacySession, caller: Caller): LegacySession {
  const { issuer, subject, application } = caller;
  const nonce = createHash('sha256')
    .update(JSON.stringify([session.nonce, issuer, subject, application]))
    .digest('base64url');
  return { ...session, issuer, subject, application, nonce };
}

function opened(sealer: StateSealer, route: string, id: string): LegacySession | undefined {
  try {
    return legacySession.parse(sealer.open(purpose, route, id));
  } catch {
    return undefined;
  }
}

/** The negotiated version that an upstream's `initialize` result names. */
export function versionOf(result: JsonObject): string {
  const version = result['protocolVersion'];
  return typeof version === 'string' ? version : newestLegacyVersion;
}

/** The gateway's own `initialize` result, before consent; `own` is this person's last one. */
export function profileResult(
  version: string,
  profile: JsonObject,
  own: JsonObject | undefined,
): JsonObject {
  if (own === undefined) return { ...profile, protocolVersion: version };
  const capabilities = { ...(isObject(own['capabilities']) ? own['capabilities'] : {}) };
  const tools = isObject(capabilities['tools']) ? capabilities['tools'] : {};
  return {
    ...own,
    protocolVersion: version,
    capabilities: { ...capabilities, tools: { ...tools, listChanged: true } },
  };
}
