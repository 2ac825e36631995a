import { profileCapabilities, serverInfoOf, type BeforeConsent } from './before-consent.js';
import { borrow, refusedAnswer } from './borrow.js';
import {
  negotiatedVersion,
  newSession,
  profileResult,
  readInitializeParams,
  sealSession,
  versionOf,
  type InitializeParams,
  type LegacySession,
} from './legacy-session.js';
import type { McpCall, McpDeps } from './mcp-call.js';
import type { McpRequest } from './message.js';
import { isMcpAnswer, upstreamHeaders } from './relay.js';
import { resultOf } from './remembered-lists.js';
import { result, rpcError, writeAnswer } from './rpc-answer.js';
import {
  callUpstream,
  discard,
  failureAnswer,
  notMcp,
  readWhole,
  type Called,
} from './upstream-call.js';
import { accountOf, sessionIdOf, type UpstreamSessions } from './upstream-sessions.js';

const longestHandshake = 1024 * 1024;

/** `initialize`: passed on where the person has a grant, else answered here; either way the session id is ours. */
export class LegacyHandshake {
  constructor(
    private readonly deps: McpDeps,
    private readonly before: BeforeConsent,
    private readonly sessions: UpstreamSessions,
  ) {}

  async initialize(call: McpCall, message: McpRequest): Promise<void> {
    const params = readInitializeParams(message.params);
    if (params === undefined)
      return writeAnswer(call.response, {
        ...rpcError(message.id, -32602, 'Invalid params: initialize is malformed or too large.'),
        status: 400,
      });
    const credential = await borrow(this.deps, call, { interaction: 'none' });
    if (credential.kind === 'interaction') return this.#initializeHere(call, message, params);
    if (credential.kind !== 'credential')
      return writeAnswer(call.response, refusedAnswer(this.deps, call, message.id, credential));
    const sent = {
      method: 'POST',
      headers: upstreamHeaders(call.request.headers, 'legacy', call.token),
      body: message.body.bytes,
      signal: AbortSignal.timeout(call.upstream.config.timeoutMs),
    } as const;
    const called = await callUpstream(this.deps, call, credential, sent, { interaction: 'none' });
    // The client would be lost: a call that needs the permission asks for it.
    if (called.kind === 'failed' && called.failure.code === 'insufficient-scope')
      return this.#initializeHere(call, message, params);
    if (called.kind === 'failed')
      return writeAnswer(call.response, failureAnswer(call, message.id, called.failure));
    if (called.kind === 'answered') return this.#relayInitialize(call, message, params, called);
    if (called.answer.kind === 'interaction') return this.#initializeHere(call, message, params);
    return writeAnswer(call.response, refusedAnswer(this.deps, call, message.id, called.answer));
  }

  async #initializeHere(
    call: McpCall,
    message: McpRequest,
    params: InitializeParams,
  ): Promise<void> {
    const version = negotiatedVersion(params.protocolVersion);
    const profile = { capabilities: profileCapabilities, serverInfo: serverInfoOf(call) };
    const shown = await this.before.profile(call, 'legacy', message.method);
    const value = profileResult(version, profile, shown);
    const session = newSession(call.caller, params, version, this.deps.clock.now());
    writeAnswer(call.response, {
      ...result(message.id, value),
      headers: this.#sessionHeader(call, session),
    });
  }

  async #relayInitialize(
    call: McpCall,
    message: McpRequest,
    params: InitializeParams,
    { answer, credential }: Extract<Called, { kind: 'answered' }>,
  ): Promise<void> {
    const contentType = String(answer.headers['content-type']);
    const text = isMcpAnswer(answer) ? await readWhole(answer, longestHandshake) : undefined;
    if (text === undefined) {
      discard(answer);
      return writeAnswer(call.response, failureAnswer(call, message.id, notMcp));
    }
    const value = answer.status === 200 ? resultOf(contentType, text, message.id) : undefined;
    if (value === undefined) return this.#writeText(call, answer.status, contentType, text);
    const version = versionOf(value);
    const session = newSession(call.caller, params, version, this.deps.clock.now());
    this.sessions.adopt(session, {
      id: sessionIdOf(answer),
      version,
      account: accountOf(call, credential),
      initialized: false,
    });
    this.before.remember(call, 'legacy', message, value);
    this.#writeText(call, 200, contentType, text, this.#sessionHeader(call, session));
  }

  #sessionHeader(call: McpCall, session: LegacySession): Record<string, string> {
    return { 'mcp-session-id': sealSession(this.deps.sealer, call.route, session) };
  }

  #writeText(
    call: McpCall,
    status: number,
    contentType: string,
    text: string,
    headers: Record<string, string> = {},
  ): void {
    if (call.response.destroyed) return;
    call.response.writeHead(status, {
      'content-type': contentType,
      'cache-control': 'no-store',
      ...headers,
    });
    call.response.end(text);
  }
}
