import type { IncomingHttpHeaders } from 'node:http';

/** W3C Trace Context as it stands in headers. */
export type TraceHeaders = Readonly<Partial<Record<'traceparent' | 'tracestate', string>>>;

export type TraceAttributes = Readonly<Record<string, string | number | undefined>>;

/** What a span is told as it begins; names have few values, never an id or a path. */
export interface SpanStart {
  readonly kind: 'server' | 'client';
  readonly name: string;
  /** Of the request that came: its `traceparent` names the parent. Else that is the span around this one, if there is one. */
  readonly headers?: IncomingHttpHeaders;
  readonly attributes?: TraceAttributes;
}

/** A span that is open. */
export interface OpenSpan {
  /** For those who are asked next. */
  readonly headers: TraceHeaders;
  set(attributes: TraceAttributes): void;
  /** Runs `work` within it: what it begins, now or later, are its children. */
  within<T>(work: () => T): T;
  /** Ends it with this HTTP status: a failure of a server from 500 on, of what was asked of others from 400 on. */
  answered(status: number): void;
  /** Ends it without an answer. `error`: a short word that is the same for all failures of its kind. */
  failed(error: string): void;
}

/** OpenTelemetry's traces, as far as this product uses them. */
export interface Tracing {
  begin(start: SpanStart): OpenSpan;
  /** Sends what waits, for a few seconds at most. */
  close(): Promise<void>;
}
