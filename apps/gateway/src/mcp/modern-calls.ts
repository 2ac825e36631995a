import type {
  BorrowedCredential,
  CredentialAnswer,
  InteractionNeeded,
} from '../credentials/credentials.js';
import type { BeforeConsent } from './before-consent.js';
import { borrow, refusedAnswer, withTerms, type BorrowWish } from './borrow.js';
import { connectedAnswer, lookBody, modernLookHeaders } from './connect-tool.js';
import { outgoing, undisguised } from './decoy.js';
import { elicitModern, elicitsByUrl, isInterruptible, isPause } from './elicit.js';
import { metaKey } from './era.js';
import { isAnsweredHere } from './guest.js';
import { HeldRetries } from './held-retry.js';
import { listingOf } from './listing.js';
import { LookFirst } from './look-first.js';
import { sharerOf, type McpCall, type McpDeps } from './mcp-call.js';
import { isObject, metaOf, withParams, type McpNotification, type McpRequest } from './message.js';
import type { OpenStreams } from './open-streams.js';
import { comeBack, notConnected, refusedByPerson, tooMany } from './paused-answers.js';
import { isMcpAnswer, relay, upstreamHeaders, type Reading } from './relay.js';
import { isOurState, openRequestState, requestDigest, type RequestState } from './request-state.js';
import { result, rpcError, writeAnswer, type RpcAnswer } from './rpc-answer.js';
import { retryMembers, sealedPause } from './sealed-pause.js';
import { mustSignInAgain, signInAgain } from './sign-in-again.js';
import { callStraight, goesStraight } from './straight-call.js';
import {
  callUpstream,
  discard,
  failureAnswer,
  notMcp,
  type Called,
  type UpstreamMessage,
} from './upstream-call.js';

/** Revision 2026-07-28: each request stands for itself, a pause is a result. */
export class ModernCalls {
  readonly #held = new HeldRetries();
  readonly #looks: LookFirst;

  constructor(
    private readonly deps: McpDeps,
    private readonly before: BeforeConsent,
    private readonly streams: OpenStreams,
  ) {
    this.#looks = new LookFirst(deps);
  }

  async notify(call: McpCall, message: McpNotification): Promise<void> {
    if (call.lacking !== undefined)
      return writeAnswer(call.response, { status: 202, body: undefined });
    const credential = await borrow(this.deps, call, { interaction: 'none' });
    if (credential.kind === 'credential') await this.#forward(call, message, credential);
    else if (credential.kind === 'interaction')
      writeAnswer(call.response, { status: 202, body: undefined });
    else writeAnswer(call.response, refusedAnswer(this.deps, call, null, credential));
  }

  serve(call: McpCall, message: McpRequest): void | Promise<void> {
    if (isAnsweredHere(call, message.method)) return this.before.serveModern(call, message);
    if (isInterruptible(message.method) && isOurState(message.params['requestState']))
      return this.#resume(call, message, message.params['requestState']);
    const credential = borrow(this.deps, call, this.#wish(call, message));
    return credential instanceof Promise
      ? credential.then((one) => this.#answer(call, message, one))
      : this.#answer(call, message, credential);
  }

  #wish(call: McpCall, message: McpRequest): BorrowWish {
    const client = metaOf(message)[metaKey.clientInfo];
    const name = isObject(client) ? client['name'] : undefined;
    return withTerms(call, {
      interaction: this.before.serves(message.method) ? 'none' : 'create',
      clientInfoName: typeof name === 'string' ? name.slice(0, 64) : undefined,
    });
  }

  #answer(call: McpCall, message: McpRequest, credential: CredentialAnswer): void | Promise<void> {
    if (credential.kind === 'credential') return this.#forwardRequest(call, message, credential);
    if (credential.kind === 'interaction') return this.#pause(call, message, credential);
    return writeAnswer(call.response, refusedAnswer(this.deps, call, message.id, credential));
  }

  async #pause(call: McpCall, message: McpRequest, needed: InteractionNeeded): Promise<void> {
    if (this.before.serves(message.method)) return this.before.serveModern(call, message);
    writeAnswer(call.response, this.#elicit(call, message, needed));
  }

  #elicit(call: McpCall, message: McpRequest, needed: InteractionNeeded): RpcAnswer {
    if (!isPause(needed)) return comeBack(call, message, needed);
    const asked = {
      id: message.id,
      method: message.method,
      byUrl: elicitsByUrl(metaOf(message)[metaKey.capabilities]),
      strict: this.deps.strictElicitation ?? false,
    };
    if (mustSignInAgain(call, asked.byUrl)) return signInAgain(this.deps, call, message.id);
    return elicitModern(asked, needed, () => sealedPause(this.deps, call, message, needed));
  }

  async #resume(call: McpCall, message: McpRequest, text: string): Promise<void> {
    const opened = openRequestState(this.deps.sealer, call.route, text, {
      caller: call.caller,
      digest: requestDigest(message.method, message.params),
      now: this.deps.clock.now(),
    });
    if (!opened.ok) {
      const refusal = rpcError(message.id, -32602, opened.reason, { requestId: call.requestId });
      return writeAnswer(call.response, { ...refusal, status: 400 });
    }
    if (refusedByPerson(message)) {
      await this.deps.watch.withdraw(opened.state.interactionId);
      return writeAnswer(call.response, notConnected(call, message));
    }
    const leave = this.#held.enter(sharerOf(call));
    if (leave === undefined) return writeAnswer(call.response, tooMany(call, message));
    try {
      await this.#hold(call, message, opened.state, text);
    } finally {
      leave();
    }
  }

  /** `accept` means "I opened it", not "it is done": wait here, so that the client is not asked again. */
  async #hold(
    call: McpCall,
    message: McpRequest,
    state: RequestState,
    text: string,
  ): Promise<void> {
    const { interactionId, scopes } = state;
    const wish = withTerms(call, { interaction: 'none', interactionId, scopes });
    const anew = withTerms(call, { ...this.#wish(call, message), scopes });
    const stop = new AbortController();
    // Watch before asking: what ends in between is not missed.
    const signal = AbortSignal.any([call.gone, stop.signal]);
    const ended = this.deps.watch.ended(interactionId, this.deps.holdMs ?? 45_000, signal);
    const first = await borrow(this.deps, call, wish);
    if (first.kind !== 'interaction') {
      stop.abort();
      return this.#continue(call, message, state, first);
    }
    const end = await ended;
    if (end === 'aborted') return;
    if (end === 'declined') return writeAnswer(call.response, notConnected(call, message));
    if (end === 'expired')
      return this.#continue(call, message, state, await borrow(this.deps, call, anew));
    const again = await borrow(this.deps, call, wish);
    if (again.kind !== 'interaction') return this.#continue(call, message, state, again);
    if (end === 'completed')
      return this.#continue(call, message, state, await borrow(this.deps, call, anew));
    // Still pending: no second inputRequests, only "call again".
    const pending = { resultType: 'input_required', requestState: text };
    writeAnswer(call.response, result(message.id, pending));
  }

  async #continue(
    call: McpCall,
    message: McpRequest,
    state: RequestState,
    answer: CredentialAnswer,
  ): Promise<void> {
    if (answer.kind !== 'credential') return this.#answer(call, message, answer);
    const bytes = withParams(message.body, retryMembers, state.interrupted);
    return this.#forwardRequest(call, { ...message, body: { ...message.body, bytes } }, answer);
  }

  #forwardRequest(
    call: McpCall,
    message: McpRequest,
    credential: BorrowedCredential,
  ): void | Promise<void> {
    if (this.before.connects(call, message)) return this.#connect(call, message, credential);
    if (call.terms?.isUnseen === true) return this.#lookFirst(call, message, credential);
    return message.method === 'subscriptions/listen'
      ? this.#forwardStream(call, message, credential)
      : this.#forward(call, message, credential);
  }

  /** A token that the upstream refuses is asked for anew. */
  async #connect(call: McpCall, message: McpRequest, credential: BorrowedCredential) {
    const look = { method: 'POST', headers: modernLookHeaders, signal: call.gone } as const;
    const sent = { ...look, body: lookBody(message, 'modern') };
    const wish = this.#wish(call, message);
    const called = await callUpstream(this.deps, call, credential, sent, wish);
    if (called.kind === 'no-credential') return this.#answer(call, message, called.answer);
    writeAnswer(call.response, connectedAnswer(call, message, called, 'modern'));
  }

  async #lookFirst(call: McpCall, message: McpRequest, credential: BorrowedCredential) {
    const signal = AbortSignal.timeout(call.upstream.config.timeoutMs);
    const look = { method: 'POST', headers: modernLookHeaders, signal } as const;
    const wish = this.#wish(call, message);
    const looked = await this.#looks.judge(call, message, (body) =>
      callUpstream(this.deps, call, credential, { ...look, body }, wish),
    );
    if (looked === undefined) return this.#forwardRequest(call, message, credential);
    if ('kind' in looked) return this.#answer(call, message, looked.answer);
    writeAnswer(call.response, looked);
  }

  async #forwardStream(
    call: McpCall,
    message: McpRequest,
    credential: BorrowedCredential,
  ): Promise<void> {
    const place = this.streams.open(call, message.id);
    if (place === undefined) return;
    try {
      await this.#forward(call, message, credential);
    } finally {
      place.leave();
    }
  }

  #forward(
    call: McpCall,
    message: McpRequest | McpNotification,
    credential: BorrowedCredential,
  ): Promise<void> {
    const headers = upstreamHeaders(call.request.headers, 'modern', call.token);
    const sent = outgoing(call, message, headers);
    const reading = this.#readingOf(call, message);
    const on = { credential, sent, reading };
    if (!goesStraight(call, credential, reading)) return this.#pass(call, message, on);
    return callStraight(call, credential, sent, 'aborts').then((begun) =>
      begun === 'passed' ? undefined : this.#pass(call, message, { ...on, begun }),
    );
  }

  /** The longer way, from where the call stands. */
  async #pass(
    call: McpCall,
    message: McpRequest | McpNotification,
    { credential, sent, reading, begun }: Passing,
  ): Promise<void> {
    const isRequest = message.kind === 'request';
    const id = isRequest ? message.id : null;
    const wish: BorrowWish = isRequest ? this.#wish(call, message) : { interaction: 'none' };
    const whole = { method: 'POST', ...sent, signal: call.gone } as const;
    const called = await callUpstream(this.deps, call, credential, whole, wish, begun);
    if (called.kind === 'failed')
      return writeAnswer(call.response, failureAnswer(call, id, called.failure));
    if (called.kind === 'no-credential')
      return this.#withoutCredential(call, message, called.answer);
    if (!isMcpAnswer(called.answer)) {
      discard(called.answer);
      return writeAnswer(call.response, failureAnswer(call, id, notMcp));
    }
    const shown = undisguised(call, message, called.answer);
    const { answer, options = {} } = shown === undefined ? { answer: called.answer } : await shown;
    await relay(answer, call.response, {
      timeoutMs: call.upstream.config.timeoutMs,
      clientLeaving: 'aborts',
      ...reading,
      ...options,
    });
  }

  /** Who reads the answer on its way. */
  #readingOf(call: McpCall, message: McpRequest | McpNotification): Reading {
    if (message.kind === 'notification') return {};
    const { keep } = this.before.keeping(call, 'modern', message);
    return { keep, rewrite: listingOf(this.deps, call, 'modern', message).rewrite };
  }

  async #withoutCredential(
    call: McpCall,
    message: McpRequest | McpNotification,
    answer: Exclude<CredentialAnswer, BorrowedCredential>,
  ): Promise<void> {
    if (message.kind === 'request') return this.#answer(call, message, answer);
    if (answer.kind === 'interaction')
      return writeAnswer(call.response, { status: 202, body: undefined });
    return writeAnswer(call.response, refusedAnswer(this.deps, call, null, answer));
  }
}

interface Passing {
  readonly credential: BorrowedCredential;
  readonly sent: Pick<UpstreamMessage, 'headers' | 'body'>;
  readonly reading: Reading;
  /** What was answered, where it has been sent. */
  readonly begun?: Called;
}
