import { setTimeout as sleep } from 'node:timers/promises';
import {
  context,
  type Context,
  diag,
  DiagLogLevel,
  propagation,
  ROOT_CONTEXT,
  type Span,
  SpanKind,
  SpanStatusCode,
  trace,
} from '@opentelemetry/api';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-proto';
import {
  defaultResource,
  detectResources,
  envDetector,
  resourceFromAttributes,
  serviceInstanceIdDetector,
} from '@opentelemetry/resources';
import { BatchSpanProcessor, NodeTracerProvider } from '@opentelemetry/sdk-trace-node';
import type { OpenSpan, SpanStart, TraceAttributes, TraceHeaders, Tracing } from './tracing.js';

const sayAgainMs = 60_000;
const longestReason = 200;
const closingMs = 3_000;
/** OpenTelemetry's conventions for HTTP: what a client did wrong is no failure of the server. */
const failsFrom = { server: 500, client: 400 };
const kinds = { server: SpanKind.SERVER, client: SpanKind.CLIENT };

export interface OtelOptions {
  /** `service.name` is `symbolon-{app}`, unless OTEL_SERVICE_NAME says otherwise. */
  readonly app: string;
  /** Hears why spans are lost, at most once a minute. */
  readonly failed: (reason: string) => void;
}

/** With OpenTelemetry's SDK, once per process: it is the API's global one until it is closed. Its variables it reads itself. */
export class OtelTracing implements Tracing {
  readonly #provider: NodeTracerProvider;
  readonly #tracer;
  #saidMs = -sayAgainMs;

  constructor(private readonly options: OtelOptions) {
    this.#hearProblems();
    const detectors = [envDetector, serviceInstanceIdDetector];
    const resource = defaultResource()
      .merge(resourceFromAttributes({ 'service.name': `symbolon-${options.app}` }))
      .merge(detectResources({ detectors }));
    const spanProcessors = [new BatchSpanProcessor(new OTLPTraceExporter())];
    this.#provider = new NodeTracerProvider({ resource, spanProcessors });
    this.#provider.register();
    this.#tracer = this.#provider.getTracer('symbolon');
  }

  begin({ kind, name, headers, attributes = {} }: SpanStart): OpenSpan {
    const parent =
      headers === undefined ? context.active() : propagation.extract(ROOT_CONTEXT, headers);
    const span = this.#tracer.startSpan(name, { kind: kinds[kind], attributes }, parent);
    return new OtelSpan(span, trace.setSpan(parent, span), failsFrom[kind]);
  }

  async close(): Promise<void> {
    const late = sleep(closingMs, 'the last spans were not taken in time', { ref: false });
    const closed = this.#provider.shutdown().then(
      () => undefined,
      (error: unknown) => String(error),
    );
    const lost = await Promise.race([closed, late]);
    if (lost !== undefined) this.#say(lost);
    for (const global of [trace, context, propagation, diag]) global.disable();
  }

  /** The SDK tells nobody but this. */
  #hearProblems(): void {
    const say = (message: string): void => this.#say(message);
    const nothing = (): void => undefined;
    const logger = { error: say, warn: say, info: nothing, debug: nothing, verbose: nothing };
    diag.setLogger(logger, { logLevel: DiagLogLevel.WARN, suppressOverrideMessage: true });
  }

  #say(message: string): void {
    const nowMs = performance.now();
    if (nowMs - this.#saidMs < sayAgainMs) return;
    this.#saidMs = nowMs;
    this.options.failed(reasonIn(message));
  }
}

class OtelSpan implements OpenSpan {
  constructor(
    private readonly span: Span,
    private readonly around: Context,
    private readonly failsFrom: number,
  ) {}

  get headers(): TraceHeaders {
    return headersOf(this.around);
  }

  set(attributes: TraceAttributes): void {
    this.span.setAttributes(attributes);
  }

  within<T>(work: () => T): T {
    return context.with(this.around, work);
  }

  answered(status: number): void {
    this.span.setAttribute('http.response.status_code', status);
    if (status >= this.failsFrom) this.failed(String(status));
    else this.span.end();
  }

  failed(error: string): void {
    this.span.setAttribute('error.type', error);
    this.span.setStatus({ code: SpanStatusCode.ERROR });
    this.span.end();
  }
}

function headersOf(around: Context): TraceHeaders {
  const headers: Record<string, string> = {};
  propagation.inject(around, headers);
  const { traceparent, tracestate } = headers;
  return {
    ...(traceparent === undefined ? {} : { traceparent }),
    ...(tracestate === undefined ? {} : { tracestate }),
  };
}

/** An export that failed is told as the JSON of its error, stack and all. */
function reasonIn(message: string): string {
  const said = /"message":"((?:[^"\\]|\\.)*)"/.exec(message)?.[1] ?? message;
  return said.slice(0, longestReason);
}
