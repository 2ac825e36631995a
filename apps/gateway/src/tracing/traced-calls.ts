import type { IncomingHttpHeaders } from 'node:http';
import { loggable } from '#lib/observability/loggable';
import type { OpenSpan, Tracing } from '#lib/tracing/tracing';
import { type AccessLine, statusOf } from '../http/access-log.js';
import type { RawExchange } from '../http/http-exchange.js';
import { traceContext } from '../http/trace-context.js';

/**
 * A span for each call, from its request to the end of its answer. The upstream is told of it in place of the caller's own
 * (W3C Trace Context), and so is the vault. What a span says is what the access line says, but not who called.
 */
export class TracedCalls {
  readonly #open = new Map<string, OpenSpan>();

  constructor(private readonly tracing: Pick<Tracing, 'begin'>) {}

  /** Before the call is served: its request is given the new trace context. */
  begin({ request, response, requestId }: RawExchange): void {
    const { method = '', headers } = request;
    const route = patternOf(request.url ?? '');
    const [, traceparent, , tracestate] = traceContext(headers, bearerOf(headers));
    const span = this.tracing.begin({
      kind: 'server',
      name: `${method} ${route}`,
      headers: { traceparent, tracestate },
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
  }

  /** What is known of a call at its end. */
  wrote({ requestId, upstream, method, tool, grantId }: AccessLine): void {
    this.#open.get(requestId)?.set({
      'symbolon.upstream': upstream,
      'symbolon.grant_id': grantId,
      'mcp.method.name': method && (methods.has(method) ? method : '_OTHER'),
      'gen_ai.tool.name': tool && printable(tool),
    });
  }

  #end(requestId: string, status: number): void {
    const span = this.#open.get(requestId);
    this.#open.delete(requestId);
    span?.answered(status);
  }
}

/** Everything that clients may ask or tell, of all revisions: what somebody else sends may be of any length. */
const methods: ReadonlySet<string> = new Set([
  ...['initialize', 'server/discover', 'ping', 'logging/setLevel', 'completion/complete'],
  ...['tools/list', 'tools/call', 'prompts/list', 'prompts/get'],
  ...['resources/list', 'resources/templates/list', 'resources/read'],
  ...['resources/subscribe', 'resources/unsubscribe', 'subscriptions/listen'],
  ...['tasks/get', 'tasks/result', 'tasks/list', 'tasks/cancel', 'tasks/update'],
  ...['notifications/initialized', 'notifications/cancelled', 'notifications/progress'],
  ...['notifications/roots/list_changed', 'notifications/elicitation/complete'],
]);

/** A copy: what is cut out of a message would keep all of it in memory until the collector has it. */
function printable(tool: string): string {
  return Buffer.from(String(loggable(tool, 'tool'))).toString();
}

function bearerOf({ authorization = '' }: IncomingHttpHeaders): string {
  return authorization.slice(authorization.indexOf(' ') + 1);
}

/** Never the path: it may say anything. */
function patternOf(target: string): string {
  if (target.startsWith('/http/')) return '/http/{upstream}';
  return target.startsWith('/mcp/') ? '/mcp/{upstream}' : '/mcp';
}
