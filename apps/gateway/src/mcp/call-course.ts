import { personKey } from '../credentials/use.js';
import type { RawExchange } from '../http/http-exchange.js';
import { OpenCalls } from '../http/open-calls.js';
import { peerOf } from '../inbound/peer-of.js';
import { AnonymousCalls } from './anonymous-calls.js';
import { tooManyCalls } from './endpoint-answers.js';
import { isNobody } from './guest.js';
import type { McpCall, McpDeps } from './mcp-call.js';
import { problemAnswer, writeAnswer } from './rpc-answer.js';

/** An admitted call as its endpoint counts it. */
export interface CountedCall extends Pick<RawExchange, 'request' | 'response' | 'requestId'> {
  readonly caller: McpCall['caller'];
  /** Set once the call counts among those that are open. */
  leave: (() => void) | undefined;
}

/** The course of an endpoint's calls: each is counted from where it enters until it ends, and whatever becomes of it, it ends. */
export class CallCourse<Call extends CountedCall> {
  readonly #open = new OpenCalls();
  readonly #anonymous: AnonymousCalls;

  constructor(
    private readonly deps: Pick<McpDeps, 'clock' | 'log'>,
    /** Hears of each call that entered, once it has ended. */
    private readonly ended: (call: Call) => void,
  ) {
    this.#anonymous = new AnonymousCalls(deps.clock);
  }

  /** False where there are too many calls of this person or address, which has been said then. */
  enter(call: Call): boolean {
    const { caller, request, response, requestId } = call;
    if (isNobody(caller)) {
      const peer = peerOf(request);
      const waitSeconds = this.#anonymous.enter(peer);
      if (waitSeconds > 0) writeAnswer(response, tooManyCalls(requestId, waitSeconds));
      else call.leave = () => this.#anonymous.leave(peer);
      return waitSeconds === 0;
    }
    const person = personKey(caller);
    const enters = this.#open.enter(person);
    if (enters) call.leave = () => this.#open.leave(person);
    else writeAnswer(response, tooManyCalls(requestId));
    return enters;
  }

  /** The last of a call's work; nothing is waited for where it is done at once. */
  follow(call: Call, work: () => void | Promise<void>): void {
    let working: void | Promise<void> = undefined;
    try {
      working = work();
    } catch (error) {
      this.failed(call, error);
    }
    if (working === undefined) return this.#end(call);
    working.catch((error: unknown) => this.failed(call, error)).finally(() => this.#end(call));
  }

  /** Something of ours went wrong, which is said where it still can be. */
  failed(
    { response, requestId }: Pick<RawExchange, 'response' | 'requestId'>,
    error: unknown,
  ): void {
    this.deps.log.error({ event: 'mcp.failed', requestId, err: error });
    if (response.headersSent) return void response.destroy();
    writeAnswer(
      response,
      problemAnswer(null, 'internal', 'Something went wrong on our side.', requestId),
    );
  }

  #end(call: Call): void {
    call.leave?.();
    this.ended(call);
  }
}
