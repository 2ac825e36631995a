import type { BorrowedCredential } from '../credentials/credentials.js';
import { isNotTheUpstreams } from '../http/call-ends.js';
import { circuitOpen } from '../http/refusals.js';
import { DirectAnswer, ended, type AnswerReader, type Ending } from './direct-answer.js';
import type { McpCall } from './mcp-call.js';
import {
  deadline,
  isEventStream,
  isMcpAnswer,
  relayedHeaders,
  type Reading,
  type RelayOptions,
} from './relay.js';
import {
  dispatched,
  failureOf,
  judge,
  targetOf,
  type Called,
  type UpstreamMessage,
} from './upstream-call.js';

type Sent = Pick<UpstreamMessage, 'headers' | 'body'>;

/**
 * The way of nearly every call: one POST with the credential at hand, whose answer goes to the client as it comes. Nothing
 * is awaited between the two. Resolves with `passed` once the client has the whole answer or has left; with the answer
 * where somebody has to look at it first, because it is a refusal or no MCP.
 */
export function callStraight(
  call: McpCall,
  credential: BorrowedCredential,
  message: Sent,
  clientLeaving: RelayOptions['clientLeaving'],
): Promise<Called | 'passed'> {
  return new Promise((resolve) => {
    new StraightCall(call, credential, clientLeaving, resolve).send(message);
  });
}

/** Whether nobody reads the answer on its way, and nothing has to be proven for it. */
export function goesStraight(
  { terms }: McpCall,
  { dpop }: BorrowedCredential,
  { keep, rewrite }: Reading,
): boolean {
  return (
    keep === undefined && rewrite === undefined && dpop === undefined && terms?.decoy === undefined
  );
}

class StraightCall implements AnswerReader, Ending {
  #answer: DirectAnswer | undefined;
  #end: (() => void) | undefined;
  #deadline: NodeJS.Timeout | undefined;
  #isSettled = false;

  constructor(
    private readonly call: McpCall,
    private readonly credential: BorrowedCredential,
    private readonly clientLeaving: RelayOptions['clientLeaving'],
    private readonly resolve: (outcome: Called | 'passed') => void,
  ) {}

  send(message: Sent): void {
    const { call, credential } = this;
    const { dispatcher, breaker } = call.upstream;
    const pauseSeconds = breaker.enter();
    if (pauseSeconds > 0) return this.#failed(circuitOpen(call.upstream, pauseSeconds));
    const target = targetOf(call, credential, 'POST');
    const sent = dispatched(call, credential, message, { target });
    call.response.once('close', this.#closed);
    DirectAnswer.begin(dispatcher, sent, this, this);
  }

  /** Ended by a revocation (R3), and by the client's leaving where that is to end it. */
  watch(end: () => void): () => void {
    this.#end = end;
    return this.credential.revocation?.watch(end, this.call.token) ?? nothing;
  }

  answered(answer: DirectAnswer): void {
    const { response, upstream } = this.call;
    upstream.breaker.answered(answer.status);
    if (!isPlain(answer)) return this.#settle(judge(answer, this.credential));
    this.#answer = answer;
    if (response.destroyed) return answer.discard();
    response.writeHead(answer.status, relayedHeaders(answer, false));
    if (isEventStream(answer)) response.flushHeaders();
    else process.nextTick(this.#limitTime);
    // The head is out: an answer that broke off can only be cut off.
    answer.passTo(response, () => response.destroy());
  }

  failed(error: Error): void {
    if (this.#isSettled) return;
    const { breaker } = this.call.upstream;
    if (error === ended || isNotTheUpstreams(error)) breaker.abandoned();
    else breaker.failed();
    this.#failed(error);
  }

  over(): void {
    if (this.call.response.destroyed) this.#settle('passed');
  }

  #failed(error: unknown): void {
    this.#settle({ kind: 'failed', failure: failureOf(this.call, this.credential, error) });
  }

  /** What came with the head is over by now. */
  readonly #limitTime = (): void => {
    const answer = this.#answer;
    if (answer === undefined || answer.isOver || this.#isSettled) return;
    this.#deadline = deadline(answer, this.call.upstream.config.timeoutMs);
  };

  readonly #closed = (): void => {
    if (this.#answer?.isOver === true) return this.#settle('passed');
    // It may come back for its result: nothing tells the upstream.
    if (this.clientLeaving === 'drains') return this.#answer && this.#readOn(this.#answer);
    this.#end?.();
    this.#settle('passed');
  };

  #readOn(answer: DirectAnswer): void {
    clearTimeout(this.#deadline);
    this.#deadline = deadline(answer, this.call.upstream.config.timeoutMs);
    answer.ignoreRest();
  }

  #settle(outcome: Called | 'passed'): void {
    this.#isSettled = true;
    clearTimeout(this.#deadline);
    this.call.response.off('close', this.#closed);
    this.resolve(outcome);
  }
}

/** Whether nobody but the client has to look at it. */
function isPlain(answer: DirectAnswer): boolean {
  const { status, headers } = answer;
  return status < 300 && headers['content-encoding'] === undefined && isMcpAnswer(answer);
}

function nothing(): void {}
