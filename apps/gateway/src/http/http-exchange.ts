import type { Clock } from '#lib/clock/clock';
import type { CallRequest, CallResponse } from '../connection/exchange.js';
import type { Credentials } from '../credentials/credentials.js';
import type { StreamPlace, UpstreamLimits } from '../limits/upstream-limits.js';
import type { PreparedUpstream } from '../upstreams/upstreams.js';

/** A request as node:http has it, and the id that its log lines bear. */
export interface RawExchange {
  readonly request: CallRequest;
  readonly response: CallResponse;
  readonly requestId: string;
  /** Names and values in turn, for the answer's head. */
  readonly rateFields?: readonly string[] | undefined;
  /** The place of a stream that is known to be one before it is sent: a WebSocket, an EventSource. */
  readonly place?: StreamPlace | undefined;
}

export interface HttpCallDeps {
  readonly credentials: Credentials;
  readonly publicUrl: string;
  readonly clock: Clock;
  readonly limits: UpstreamLimits;
  /** A stream may pause, but not for ever. */
  readonly silenceMs: number;
  /** Told of failures that are not the caller's. */
  readonly failed: (call: FailedCall, error: unknown) => void;
}

/** What a log line of a failure says of its call. */
export interface FailedCall {
  readonly requestId: string;
  readonly upstream: PreparedUpstream;
}
