import { createHmac, randomBytes } from 'node:crypto';
import type { BorrowedCredential } from '../credentials/credentials.js';
import type { BorrowWish } from './borrow.js';
import type { LegacySession } from './legacy-session.js';
import { versionOf } from './legacy-session.js';
import type { McpCall, McpDeps } from './mcp-call.js';
import { isObject, type JsonObject } from './message.js';
import { resultOf } from './remembered-lists.js';
import {
  callUpstream,
  discard,
  readWhole,
  type Called,
  type UpstreamAnswer,
} from './upstream-call.js';

const most = 10_000;
const longestResult = 1024 * 1024;
const handshakeId = 'initialize';

/** A session at a legacy upstream that belongs to one person's session here. */
export interface UpstreamSession {
  /** Undefined where the upstream keeps none. */
  readonly id: string | undefined;
  readonly version: string;
  /** Whose account it was opened with (`accountOf`). */
  readonly account: string;
  /** What the upstream declared; known where the handshake was ours. */
  readonly capabilities?: JsonObject;
  /** Whether `notifications/initialized` has been sent. */
  initialized: boolean;
}

export type Opened =
  | { readonly kind: 'open'; readonly session: UpstreamSession }
  | Exclude<Called, { kind: 'answered' }>;

/**
 * Upstream sessions by (nonce, person), in this replica's memory: opened at first need with the person's
 * token by repeating the client's handshake, and again after a miss, so that a restart is invisible.
 */
export class UpstreamSessions {
  readonly #sessions = new Map<string, UpstreamSession>();
  readonly #opening = new Map<string, Promise<Opened>>();

  constructor(private readonly deps: McpDeps) {}

  find(session: LegacySession): UpstreamSession | undefined {
    return this.#sessions.get(keyOf(session));
  }

  /** The one that is open under this credential's grant. */
  openUnder(
    call: McpCall,
    session: LegacySession,
    credential: BorrowedCredential,
  ): UpstreamSession | undefined {
    const known = this.find(session);
    const account = accountOf(call, credential);
    return known !== undefined && known.account === account ? known : undefined;
  }

  adopt(session: LegacySession, upstream: UpstreamSession): void {
    this.#sessions.delete(keyOf(session));
    this.#sessions.set(keyOf(session), upstream);
    const [oldest] = this.#sessions.keys();
    if (this.#sessions.size > most && oldest !== undefined) this.#sessions.delete(oldest);
  }

  forget(session: LegacySession): void {
    this.#sessions.delete(keyOf(session));
  }

  /** The session at the upstream under this credential's grant; one handshake at a time. */
  async open(
    call: McpCall,
    session: LegacySession,
    credential: BorrowedCredential,
    wish: BorrowWish,
  ): Promise<Opened> {
    const known = this.openUnder(call, session, credential);
    if (known !== undefined) return { kind: 'open', session: known };
    const account = accountOf(call, credential);
    const key = JSON.stringify([keyOf(session), account]);
    const opening =
      this.#opening.get(key) ??
      this.#handshake(call, session, credential, wish).finally(() => this.#opening.delete(key));
    this.#opening.set(key, opening);
    return opening;
  }

  async #handshake(
    call: McpCall,
    session: LegacySession,
    credential: BorrowedCredential,
    wish: BorrowWish,
  ): Promise<Opened> {
    const request = {
      jsonrpc: '2.0',
      id: handshakeId,
      method: 'initialize',
      params: session.initialize,
    };
    // Others may wait for the same handshake: it outlives the client that began it.
    const signal = AbortSignal.timeout(call.upstream.config.timeoutMs);
    const called = await this.#post(call, credential, { message: request, signal, wish });
    if (called.kind !== 'answered') return called;
    const opened = await readOpened(called.answer, accountOf(call, called.credential));
    if (opened === undefined)
      return {
        kind: 'failed',
        failure: { code: 'upstream-invalid', detail: 'The upstream does not open a session.' },
      };
    const ready = { jsonrpc: '2.0', method: 'notifications/initialized' };
    const acknowledged = await this.#post(call, called.credential, {
      message: ready,
      headers: sessionHeaders(opened),
      signal,
      wish: { interaction: 'none' },
    });
    if (acknowledged.kind === 'answered') discard(acknowledged.answer);
    const initialized = { ...opened, initialized: true };
    this.adopt(session, initialized);
    return { kind: 'open', session: initialized };
  }

  async #post(
    call: McpCall,
    credential: BorrowedCredential,
    { message, headers, signal, wish }: Handshake,
  ): Promise<Called> {
    const sent = {
      method: 'POST',
      headers: {
        accept: 'application/json, text/event-stream',
        'content-type': 'application/json',
        ...headers,
      },
      body: Buffer.from(JSON.stringify(message)),
      signal,
    } as const;
    return callUpstream(this.deps, call, credential, sent, wish);
  }
}

// Nothing of a brought token is kept that would say which it was elsewhere.
const salt = randomBytes(32);

/**
 * Whose account at the upstream a credential opens: what a session knew under one is not for another, be it of the same
 * person. A token that the caller brought is an account of its own, and so is what is lent for public tools.
 */
export function accountOf({ lentPublicly }: McpCall, credential: BorrowedCredential): string {
  const { grantId, brought, header, query } = credential;
  if (grantId !== undefined) return `grant ${grantId}`;
  if (brought === undefined) return lentPublicly === true ? 'public' : 'own';
  const token = header?.[1] ?? query?.[1] ?? '';
  return `brought ${createHmac('sha256', salt).update(token).digest('base64url')}`;
}

interface Handshake {
  readonly message: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal: AbortSignal;
  readonly wish: BorrowWish;
}

/** The headers of a message in an upstream session: its own id and the version that it negotiated. */
export function sessionHeaders({ id, version }: UpstreamSession): Record<string, string> {
  const negotiated = { 'mcp-protocol-version': version };
  return id === undefined ? negotiated : { ...negotiated, 'mcp-session-id': id };
}

export function sessionIdOf(answer: UpstreamAnswer): string | undefined {
  const id = answer.headers['mcp-session-id'];
  // Visible ASCII only, says the transport; anything else cannot be sent back.
  return typeof id === 'string' && /^[\x21-\x7e]{1,2048}$/.test(id) ? id : undefined;
}

async function readOpened(
  answer: UpstreamAnswer,
  account: string,
): Promise<UpstreamSession | undefined> {
  const contentType = String(answer.headers['content-type']);
  const text = await readWhole(answer, longestResult);
  const result = answer.status === 200 ? resultOf(contentType, text ?? '', handshakeId) : undefined;
  if (result === undefined) return undefined;
  const { capabilities } = result;
  return {
    ...{ id: sessionIdOf(answer), version: versionOf(result), account, initialized: false },
    ...(isObject(capabilities) ? { capabilities } : {}),
  };
}

// Each call asks, and a session says the same for as long as it is remembered.
const keys = new WeakMap<LegacySession, string>();

function keyOf(session: LegacySession): string {
  const known = keys.get(session);
  if (known !== undefined) return known;
  const key = JSON.stringify([session.nonce, session.issuer, session.subject]);
  keys.set(session, key);
  return key;
}
