import type { CredentialAnswer } from '../credentials/credentials.js';
import { borrow, refusedAnswer, type BorrowWish } from '../mcp/borrow.js';
import { elicitLegacy, elicitModern, elicitsByUrl, isPause, toolNotice } from '../mcp/elicit.js';
import { HeldRetries } from '../mcp/held-retry.js';
import type { LegacyStreams } from '../mcp/legacy-streams.js';
import { sharerOf, type McpCall, type McpDeps } from '../mcp/mcp-call.js';
import { isObject, type JsonObject } from '../mcp/message.js';
import { problemAnswer, result, rpcError, type RpcAnswer } from '../mcp/rpc-answer.js';
import { callAt, type FederatedCall } from './federated-call.js';
import { ownerOf, sealPausedCall, type PausedCall } from './federated-state.js';
import type { PreparedUpstream } from '../upstreams/upstreams.js';

/** One request as the client sent it. */
export interface Asked {
  readonly id: string | number;
  readonly method: string;
  readonly params: JsonObject;
  readonly digest: string;
  /** Of the message that it came in. */
  readonly bytes: number;
}

type ConsentPause = Extract<PausedCall['pause'], { kind: 'consent' }>;
type NoCredential = Exclude<CredentialAnswer, { kind: 'credential' }>;

/** A call that waits for its person, as `/mcp/{upstream}` lets it wait. */
export class Pauses {
  readonly #held = new HeldRetries();

  constructor(
    private readonly deps: McpDeps,
    private readonly streams: LegacyStreams,
  ) {}

  /** Why there is no credential, and the way to one. */
  answer(
    call: FederatedCall,
    upstream: PreparedUpstream,
    asked: Asked,
    needed: NoCredential,
  ): RpcAnswer {
    const at = callAt(call, upstream);
    if (needed.kind !== 'interaction') return refusedAnswer(this.deps, at, asked.id, needed);
    if (!isPause(needed))
      return problemAnswer(asked.id, 'temporarily-unavailable', needed.message, call.requestId, {
        'retry-after': '5',
      });
    const { id, method } = asked;
    const byUrl = elicitsByUrl(call.client.capabilities);
    const how = { id, method, byUrl, strict: this.deps.strictElicitation ?? false };
    const { session } = call.client;
    if (call.client.era === 'legacy')
      return elicitLegacy({ ...how, version: session.version }, needed, () =>
        this.streams.tell(session, needed.interactionId),
      );
    return elicitModern(how, needed, () =>
      this.seal(call, upstream, asked, needed.expiresIn, {
        kind: 'consent',
        interactionId: needed.interactionId,
        scopes: [...(needed.scopes ?? [])],
        ...interruptedBy(asked.params),
      }),
    );
  }

  seal(
    call: FederatedCall,
    upstream: PreparedUpstream,
    asked: Asked,
    expiresIn: number,
    pause: PausedCall['pause'],
  ): string {
    return sealPausedCall(this.deps.sealer, {
      ...ownerOf(call.caller),
      upstream: upstream.config.slug,
      digest: asked.digest,
      exp: this.deps.clock.now() + expiresIn,
      pause,
    });
  }

  /**
   * The retry after a consent was asked for: held until it is there, since `accept` means "I opened it" and not
   * "it is done". The credential, or the answer.
   */
  async resume(
    call: FederatedCall,
    upstream: PreparedUpstream,
    asked: Asked,
    pause: ConsentPause,
  ): Promise<CredentialAnswer | { readonly kind: 'answer'; readonly answer: RpcAnswer }> {
    const at = callAt(call, upstream);
    if (refusedByPerson(asked.params)) {
      await this.deps.watch.withdraw(pause.interactionId);
      return { kind: 'answer', answer: notConnected(at, asked) };
    }
    const leave = this.#held.enter(sharerOf(at));
    if (leave === undefined) return { kind: 'answer', answer: tooMany(call, asked) };
    try {
      return await this.#hold(call, at, asked, pause);
    } finally {
      leave();
    }
  }

  async #hold(
    call: FederatedCall,
    at: McpCall,
    asked: Asked,
    { interactionId, scopes }: ConsentPause,
  ): Promise<CredentialAnswer | { readonly kind: 'answer'; readonly answer: RpcAnswer }> {
    const wish: BorrowWish = { interaction: 'none', interactionId, scopes };
    const anew: BorrowWish = { interaction: 'create', scopes };
    const stop = new AbortController();
    // Watch before asking: what ends in between is not missed.
    const signal = AbortSignal.any([call.gone, stop.signal]);
    const ended = this.deps.watch.ended(interactionId, this.deps.holdMs ?? 45_000, signal);
    const first = await borrow(this.deps, at, wish);
    if (first.kind !== 'interaction') {
      stop.abort();
      return first;
    }
    const end = await ended;
    if (end === 'declined' || end === 'aborted')
      return { kind: 'answer', answer: notConnected(at, asked) };
    const again = end === 'expired' ? first : await borrow(this.deps, at, wish);
    if (again.kind !== 'interaction') return again;
    if (end !== 'timeout') return borrow(this.deps, at, anew);
    // Still pending: no second inputRequests, only "call again".
    const { requestState } = asked.params;
    const value = { resultType: 'input_required', requestState };
    return { kind: 'answer', answer: result(asked.id, value) };
  }
}

/** What the client had sent of another pause when consent came between. */
function interruptedBy(params: JsonObject): { interrupted?: string; inputResponses?: string } {
  const { requestState, inputResponses } = params;
  return {
    ...(typeof requestState === 'string' ? { interrupted: requestState } : {}),
    ...(inputResponses === undefined ? {} : { inputResponses: JSON.stringify(inputResponses) }),
  };
}

function refusedByPerson(params: JsonObject): boolean {
  const responses = params['inputResponses'];
  const consent = isObject(responses) ? responses['consent'] : undefined;
  return isObject(consent) && (consent['action'] === 'decline' || consent['action'] === 'cancel');
}

function notConnected({ upstream }: McpCall, { id, method }: Asked): RpcAnswer {
  const text = `${upstream.config.name} was not connected, because the request was declined. Nothing was called.`;
  return method === 'tools/call' ? toolNotice(id, text) : rpcError(id, -32_000, text);
}

function tooMany({ requestId }: FederatedCall, { id }: Asked): RpcAnswer {
  const detail = 'Too many requests wait for this consent already.';
  return problemAnswer(id, 'too-many-requests', detail, requestId, { 'retry-after': '5' });
}
