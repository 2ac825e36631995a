import { isNotTheUpstreams } from '../http/call-ends.js';
import { circuitOpen } from '../http/refusals.js';
import { DirectAnswer, ended, type AnswerReader, type Ending } from '../mcp/direct-answer.js';
import { isObject, type JsonObject } from '../mcp/message.js';
import { deadline } from '../mcp/relay.js';
import { dispatched, failureOf, judge, targetOf, type Called } from '../mcp/upstream-call.js';
import type { Cancellable } from './active-calls.js';
import { parseExact } from './exact-json.js';
import { answerIn, type PeerCall, type SentRequest } from './peer.js';
import type { Peers } from './peers.js';

/** What came of a request that was sent at once. */
export type Came =
  | { readonly kind: 'result'; readonly result: JsonObject }
  /** Anything else, as it came: somebody has to look at it first. */
  | { readonly kind: 'begun'; readonly called: Called }
  /** Nobody waits for it any more. */
  | { readonly kind: 'left' };

const usualType = 'application/json';

/**
 * The way of nearly every joined call: one POST with all at hand, whose answer is a short JSON text with a result. It is
 * read as it comes, without a stream, and without anything to be awaited on the way.
 */
export class StraightRound implements AnswerReader, Ending, Cancellable {
  #answer: DirectAnswer | undefined;
  #end: (() => void) | undefined;
  #deadline: NodeJS.Timeout | undefined;
  #settle: ((came: Came) => void) | undefined;

  constructor(
    private readonly peers: Peers,
    private readonly at: PeerCall,
    private readonly id: string,
  ) {}

  send(message: SentRequest): Promise<Came> {
    return new Promise((resolve) => {
      this.#settle = resolve;
      this.#send(message);
    });
  }

  #send(message: SentRequest): void {
    const { call, credential, client } = this.at;
    const { dispatcher, breaker } = call.upstream;
    if (call.response.destroyed && client.era === 'modern') return this.#leave();
    const pauseSeconds = breaker.enter();
    if (pauseSeconds > 0) return this.#failed(circuitOpen(call.upstream, pauseSeconds));
    const target = targetOf(call, credential, 'POST');
    const sent = dispatched(call, credential, message, { target });
    // Closing the response is the modern way to cancel; an earlier client has said nothing with it.
    if (client.era === 'modern') call.response.once('close', this.#closed);
    DirectAnswer.begin(dispatcher, sent, this, this);
  }

  /** Ended by a revocation (R3), by a cancellation, and by a modern client's leaving. */
  watch(end: () => void): () => void {
    this.#end = end;
    return this.at.credential.revocation?.watch(end, this.at.call.token) ?? nothing;
  }

  async cancel(reason?: unknown): Promise<void> {
    if (this.#settle === undefined) return;
    await this.peers.tellCancelled(this.at, this.id, reason);
    this.#leave();
  }

  answered(answer: DirectAnswer): void {
    this.at.call.upstream.breaker.answered(answer.status);
    this.#answer = answer;
    if (this.#settle === undefined) return answer.discard();
    if (answer.status !== 200 || !isUsual(answer)) return this.#handOn(answer);
    // What came with the head is over by then.
    process.nextTick(this.#limitTime);
  }

  /** Too long to wait for. */
  filled(): void {
    if (this.#answer !== undefined) this.#handOn(this.#answer);
  }

  failed(error: Error): void {
    const { breaker } = this.at.call.upstream;
    if (error === ended || isNotTheUpstreams(error)) breaker.abandoned();
    else breaker.failed();
    this.#failed(error);
  }

  over(): void {
    const answer = this.#answer;
    if (answer === undefined || this.#settle === undefined) return;
    const result = this.#resultIn(answer);
    if (result === undefined) this.#handOn(answer);
    else this.#settled({ kind: 'result', result });
  }

  /** Undefined for whatever is not the result and the end of it: questions, errors, what is no MCP. */
  #resultIn({ whole }: DirectAnswer): JsonObject | undefined {
    const { limits } = this.at.call.upstream.config;
    if (whole === undefined || whole.length > (limits?.messageBytes ?? Infinity)) return undefined;
    const message = parsed(whole);
    if (!isObject(message) || message['id'] !== this.id || message['method'] !== undefined)
      return undefined;
    const answer = answerIn(message);
    if (answer?.kind !== 'result') return undefined;
    return answer.result['resultType'] === 'input_required' ? undefined : answer.result;
  }

  #handOn(answer: DirectAnswer): void {
    this.#settled({ kind: 'begun', called: judge(answer, this.at.credential) });
  }

  #failed(error: unknown): void {
    const failure = failureOf(this.at.call, this.at.credential, error);
    this.#settled({ kind: 'begun', called: { kind: 'failed', failure } });
  }

  readonly #limitTime = (): void => {
    const answer = this.#answer;
    if (answer === undefined || answer.isOver || this.#settle === undefined) return;
    this.#deadline = deadline(answer, this.at.call.upstream.config.timeoutMs);
  };

  readonly #closed = (): void => void this.cancel('the client left');

  #leave(): void {
    if (this.#settle === undefined) return;
    this.#settled({ kind: 'left' });
    this.#end?.();
  }

  #settled(came: Came): void {
    const settle = this.#settle;
    this.#settle = undefined;
    clearTimeout(this.#deadline);
    this.at.call.response.off('close', this.#closed);
    settle?.(came);
  }
}

function isUsual({ headers }: DirectAnswer): boolean {
  const type = headers['content-type'] ?? '';
  const isJson = type === usualType || type.startsWith(`${usualType};`);
  return isJson && headers['content-encoding'] === undefined;
}

function parsed(bytes: Buffer): unknown {
  try {
    return parseExact(bytes.toString('utf8'));
  } catch {
    return undefined;
  }
}

function nothing(): void {}
