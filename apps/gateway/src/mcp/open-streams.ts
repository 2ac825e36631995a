import type { Clock } from '#lib/clock/clock';
import type { JsonRpcId } from '#lib/problem/render';
import { personKey } from '../credentials/use.js';
import type { Limited } from '../limits/limited.js';
import type { StreamPlace, UpstreamLimits } from '../limits/upstream-limits.js';
import type { McpCall } from './mcp-call.js';
import { problemAnswer, writeAnswer } from './rpc-answer.js';

const perPerson = 32;
const longestTimerMs = 2 ** 31 - 1;

type StreamCall = Pick<McpCall, 'caller' | 'response' | 'requestId'> &
  Partial<Pick<McpCall, 'upstream'>>;

export interface Place {
  leave(): void;
}

/** The long-lived streams: few per person (row 30), none longer than the token that opened it. */
export class OpenStreams {
  readonly #open = new Map<string, number>();

  constructor(
    private readonly clock: Clock,
    private readonly limits?: UpstreamLimits,
  ) {}

  /** Undefined where this person has too many already; then 429 is answered. */
  open(call: StreamCall, id: JsonRpcId): Place | undefined {
    const person = JSON.stringify([call.caller.issuer, call.caller.subject]);
    const count = this.#open.get(person) ?? 0;
    if (count >= perPerson) {
      const detail = 'Too many streams of yours are open.';
      writeAnswer(call.response, problemAnswer(id, 'too-many-requests', detail, call.requestId));
      return undefined;
    }
    const atUpstream = this.#atUpstream(call);
    if (atUpstream?.kind === 'limited') {
      const { code, detail, headers } = atUpstream;
      writeAnswer(call.response, problemAnswer(id, code, detail, call.requestId, headers));
      return undefined;
    }
    this.#open.set(person, count + 1);
    const timer = setTimeout(() => call.response.end(), this.#leftMs(call));
    const leave = (): void => {
      clearTimeout(timer);
      atUpstream?.leave();
      this.#leave(person);
    };
    return { leave };
  }

  #atUpstream({ caller, upstream }: StreamCall): StreamPlace | Limited | undefined {
    return upstream && this.limits?.openStream(personKey(caller), upstream.config);
  }

  #leftMs(call: StreamCall): number {
    const left = (call.caller.expiresAt - this.clock.now()) * 1000;
    return Math.min(Math.max(0, left), longestTimerMs);
  }

  #leave(person: string): void {
    const left = (this.#open.get(person) ?? 1) - 1;
    if (left === 0) this.#open.delete(person);
    else this.#open.set(person, left);
  }
}
