import type { OpenSpan, Tracing } from '#lib/tracing/tracing';
import { type AccessLine, statusOf } from '../http/access-log.js';
import type { RawExchange } from '../http/http-exchange.js';

/**
 * A span for each call, from its request to the end of its answer. The upstream is told of it in place of the caller's own
 * (W3C Trace Context), and so is the vault. What a span says is what the access line says, but not who called.
 */
export class TracedCalls {
  readonly #open = new Map<string, OpenSpan>();

  constructor(private readonly tracing: Pick<Tracing, 'begin'>) {}

  serve(exchange: RawExchange, serve: (exchange: RawExchange) => void): void {
    const { request, response, requestId } = exchange;
    const { method = '', headers } = request;
    const route = patternOf(request.url ?? '');
    const span = this.tracing.begin({
      kind: 'server',
      name: `${method} ${route}`,
      headers,
      attributes: {
        'http.request.method': method,
        'http.route': route,
        'symbolon.request_id': requestId,
      },
    });
    delete headers['tracestate'];
    Object.assign(headers, span.headers);
    this.#open.set(requestId, span);
    // Whoever counts the call hears of its end after this, and says what became of it.
    response.once('close', () => setImmediate(() => this.#end(requestId, statusOf(response))));
    span.within(() => serve(exchange));
  }

  /** What is known of a call at its end. */
  wrote({ requestId, upstream, method, tool, grantId }: AccessLine): void {
    this.#open.get(requestId)?.set({
      'symbolon.upstream': upstream,
      'symbolon.grant_id': grantId,
      'mcp.method.name': method,
      'gen_ai.tool.name': tool,
    });
  }

  #end(requestId: string, status: number): void {
    const span = this.#open.get(requestId);
    this.#open.delete(requestId);
    span?.set({ 'http.response.status_code': status });
    span?.end(status >= 500 ? String(status) : undefined);
  }
}

/** Never the path: it may say anything. */
function patternOf(target: string): string {
  if (target.startsWith('/http/')) return '/http/{upstream}';
  return target.startsWith('/mcp/') ? '/mcp/{upstream}' : '/mcp';
}
