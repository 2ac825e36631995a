import type { IncomingMessage } from 'node:http';
import type { FastifyInstance } from 'fastify';
import type { Clock } from '#lib/clock/clock';
import { Problem } from '#lib/problem/problem';
import { personKey } from '../credentials/use.js';
import type { Credentials } from '../credentials/credentials.js';
import type { Admitted, Inbound, Refusal } from '../inbound/inbound.js';
import type { GatewayLogger } from '../log-events.js';
import type { PreparedUpstream, Upstreams } from '../upstreams/upstreams.js';
import type { AccessLog } from './access-log.js';
import { HttpCall, type HttpCallDeps, type RawExchange } from './http-call.js';
import { OpenCalls } from './open-calls.js';
import { refusalProblem, writeProblem } from './refusals.js';
import { slugOf } from './upstream-path.js';

export interface HttpRouteDeps {
  readonly publicUrl: string;
  readonly inbound: Inbound;
  readonly upstreams: Upstreams;
  readonly credentials: Credentials;
  readonly clock: Clock;
  readonly logger: GatewayLogger;
  readonly access: AccessLog;
}

/** `/http/{upstream}/{path}`: any method, streamed. Raw routes: nothing of Fastify touches a body. */
export function registerHttpRoutes(fastify: FastifyInstance, deps: HttpRouteDeps): void {
  const route = new HttpRoute(deps);
  fastify.register((scope, _options, done) => {
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser('*', (_request, _payload, parsed) => parsed(null));
    scope.route({
      method: [...scope.supportedMethods],
      url: '/http/*',
      exposeHeadRoute: false,
      handler: (request, reply) => {
        reply.hijack();
        route.serve({ request: request.raw, response: reply.raw, requestId: request.id });
      },
    });
    done();
  });
}

/** From the raw request to a call with an admitted caller. */
class HttpRoute {
  readonly #callDeps: HttpCallDeps;
  readonly #open = new OpenCalls();

  constructor(private readonly deps: HttpRouteDeps) {
    this.#callDeps = {
      credentials: deps.credentials,
      publicUrl: deps.publicUrl,
      failed: (call, err) =>
        deps.logger.error({
          event: 'http.failed',
          requestId: call.requestId,
          upstream: call.upstream.config.slug,
          err,
        }),
    };
  }

  serve(exchange: RawExchange): void {
    const { request, response, requestId } = exchange;
    const startedMs = this.deps.clock.monotonicMs();
    const slug = slugOf(request.url ?? '');
    const upstream = this.#httpUpstream(slug);
    const proceed = (admission: Admitted | Refusal) => {
      if (!admission.ok) return this.#refuse(exchange, admission);
      const problem =
        upstream === undefined ? unknownService : unacceptable(request, admission.token);
      if (upstream === undefined || problem)
        return writeProblem(response, problem ?? unknownService, requestId);
      this.#call(new HttpCall(this.#callDeps, admission, upstream, exchange), startedMs);
    };
    const admission = this.deps.inbound.admit(request, `/http/${slug}`, upstream?.config);
    if (!(admission instanceof Promise)) return proceed(admission);
    admission.then(proceed).catch((err: unknown) => {
      this.deps.logger.error({ event: 'http.failed', requestId, err });
      writeProblem(
        response,
        new Problem('internal', 'Something went wrong on our side.'),
        requestId,
      );
    });
  }

  #call(call: HttpCall, startedMs: number): void {
    const { response } = call;
    const person = personKey(call.admitted.caller);
    // Gone while its token was verified: there will be no second `close`.
    if (response.destroyed) return;
    if (!this.#open.enter(person)) return writeProblem(response, tooManyCalls, call.requestId);
    response.on('error', () => undefined);
    response.once('close', () => {
      this.#open.leave(person);
      call.closed();
      this.deps.access.wrote(call, this.deps.clock.monotonicMs() - startedMs);
    });
    call.start();
  }

  /** The log says what a caller's 401 was about; of the token it says nothing. */
  #refuse({ response, requestId }: RawExchange, refusal: Refusal): void {
    const { status, code, detail } = refusal;
    this.deps.logger.info({
      event: 'caller.refused',
      requestId,
      route: 'http',
      status,
      code,
      detail,
    });
    writeProblem(response, refusalProblem(refusal), requestId);
  }

  #httpUpstream(slug: string): PreparedUpstream | undefined {
    const upstream = this.deps.upstreams.find(slug);
    return upstream?.config.type === 'http' ? upstream : undefined;
  }
}

const unknownService = new Problem('not-found', 'There is no such service here.');
const tooManyCalls = new Problem('too-many-requests', 'You have too many calls open at once.', {
  headers: { 'retry-after': '1' },
});
const tokenInUrl = new Problem('invalid-request', 'An access token must not stand in a URL.');
// RFC 9110 §9.3.8: the answer would repeat the request, and with it the borrowed token.
const noTrace = new Problem('method-not-allowed', 'TRACE is not passed on.');
const noWebSocket = new Problem(
  'not-supported',
  'WebSocket connections are not supported here yet.',
);

function unacceptable(request: IncomingMessage, token: string): Problem | undefined {
  const { method, url = '', headers } = request;
  if (method === 'TRACE') return noTrace;
  if (url.length > token.length && url.includes(token)) return tokenInUrl;
  return headers.upgrade?.toLowerCase() === 'websocket' ? noWebSocket : undefined;
}
