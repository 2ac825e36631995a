import type { FastifyInstance } from 'fastify';
import type { Clock } from '#lib/clock/clock';
import { Problem } from '#lib/problem/problem';
import type { CallRequest } from '../connection/exchange.js';
import type { CallRoutes } from '../call-routes.js';
import { personKey } from '../credentials/use.js';
import type { Credentials } from '../credentials/credentials.js';
import type { Admitted, Inbound, Refusal } from '../inbound/inbound.js';
import type { GatewayLogger } from '../log-events.js';
import type { ReportDecisions } from '../policy/report-decisions.js';
import type { PreparedUpstream, Upstreams } from '../upstreams/upstreams.js';
import { type AccessLog, statusOf } from './access-log.js';
import type { UpstreamLimits } from '../limits/upstream-limits.js';
import { egressProblem } from './egress.js';
import { HttpCall } from './http-call.js';
import type { HttpCallDeps, RawExchange } from './http-exchange.js';
import { OpenCalls } from './open-calls.js';
import { limitProblem, refusalProblem, writeProblem } from './refusals.js';
import { throwAwayRest } from './request-body.js';
import { acceptUpgrades } from './upgrades.js';
import { pathBelow, slugOf } from './upstream-path.js';
import { asksForWebSocket, handshakeProblem } from './web-socket.js';
import { WebSocketCall } from './web-socket-call.js';

export interface HttpRouteDeps {
  readonly publicUrl: string;
  readonly inbound: Inbound;
  readonly upstreams: Upstreams;
  readonly credentials: Credentials;
  readonly clock: Clock;
  readonly logger: GatewayLogger;
  readonly access: AccessLog;
  readonly limits: UpstreamLimits;
  /** Told of callers that a rule refuses. */
  readonly decisions?: Pick<ReportDecisions, 'denied'>;
  /** How long a stream may pause; five minutes. */
  readonly silenceMs?: number;
  /** The refusal of a WebSocket handshake where there is too much to do; other calls have passed the listening server. */
  readonly shed?: () => Refusal | undefined;
}

const silenceMs = 300_000;

/** `/http/{upstream}/{path}`: any method, streamed. */
export function registerHttpRoutes(
  routes: CallRoutes,
  fastify: FastifyInstance,
  deps: HttpRouteDeps,
): void {
  const route = new HttpRoute(deps);
  routes.add({
    takes: (target) => target.startsWith('/http/'),
    serve: (exchange) => route.serve(exchange),
  });
  acceptUpgrades(fastify, {
    refuseMalformed: (request) => deps.inbound.refuseMalformed(request) ?? deps.shed?.(),
    serve: (exchange) => route.serve(exchange),
  });
}

/** From the raw request to a call with an admitted caller. */
class HttpRoute {
  readonly #callDeps: HttpCallDeps;
  readonly #open = new OpenCalls();

  constructor(private readonly deps: HttpRouteDeps) {
    const { credentials, publicUrl, clock, limits, logger } = deps;
    this.#callDeps = {
      ...{ credentials, publicUrl, clock, limits },
      silenceMs: deps.silenceMs ?? silenceMs,
      failed: (call, err) =>
        logger.error({
          event: 'http.failed',
          requestId: call.requestId,
          upstream: call.upstream.config.slug,
          err,
        }),
    };
  }

  serve(exchange: RawExchange): void {
    const { request, requestId } = exchange;
    const startedMs = this.deps.clock.monotonicMs();
    const slug = slugOf(request.url ?? '');
    const upstream = this.#httpUpstream(slug);
    const proceed = (admission: Admitted | Refusal): void => {
      if (!admission.ok) this.#refuse(exchange, admission, upstream?.config.slug);
      else if (upstream === undefined) this.#write(exchange, unknownService);
      else this.#admitted(admission, upstream, exchange, startedMs);
    };
    const admission = this.deps.inbound.admit(request, `/http/${slug}`, upstream?.config);
    if (!(admission instanceof Promise)) return proceed(admission);
    admission.then(proceed).catch((err: unknown) => {
      this.deps.logger.error({ event: 'http.failed', requestId, err });
      this.#write(exchange, new Problem('internal', 'Something went wrong on our side.'));
    });
  }

  #admitted(
    admission: Admitted,
    upstream: PreparedUpstream,
    exchange: RawExchange,
    startedMs: number,
  ): void {
    // Gone while its token was verified: there will be no second `close`.
    if (exchange.response.destroyed) return;
    const { request } = exchange;
    const webSocket = asksForWebSocket(request);
    const terms = this.#terms(admission, upstream, exchange, webSocket);
    if (terms instanceof Problem) {
      this.#write(exchange, terms);
      // What is left of a body that is too large is not waited for.
      if (terms.code === 'too-large') throwAwayRest(request);
      return this.#wrote({ ...exchange, admitted: admission, upstream }, startedMs);
    }
    const Call = webSocket ? WebSocketCall : HttpCall;
    const call = new Call(this.#callDeps, admission, upstream, terms);
    this.#call(call, personKey(admission.caller), startedMs);
  }

  /** What the upstream's rules and limits make of a call, or why it is not made. */
  #terms(
    { caller, token }: Admitted,
    upstream: PreparedUpstream,
    exchange: RawExchange,
    webSocket: boolean,
  ): RawExchange | Problem {
    const { request } = exchange;
    const { config } = upstream;
    const refused = notPassed(request, upstream, token, webSocket);
    if (refused !== undefined || config.limits === undefined) return refused ?? exchange;
    const { limits } = this.deps;
    const counted = limits.admit(personKey(caller), config, request);
    if (counted?.kind === 'limited') return limitProblem(counted);
    const isStream = webSocket || request.headers.accept === 'text/event-stream';
    const place = isStream ? limits.openStream(personKey(caller), config) : undefined;
    if (place?.kind === 'limited') return limitProblem(place);
    const { response, requestId } = exchange;
    return { request, response, requestId, rateFields: counted?.fields, place };
  }

  #call(call: HttpCall, person: string, startedMs: number): void {
    const { response } = call;
    if (!this.#open.enter(person)) {
      call.closed();
      return writeProblem(response, tooManyCalls, call.requestId);
    }
    response.on('error', ignored);
    response.on('close', () => {
      this.#open.leave(person);
      call.closed();
      this.#wrote(call, startedMs);
    });
    call.start();
  }

  #wrote(
    call: Pick<HttpCall, 'admitted' | 'upstream' | 'response' | 'requestId'> & {
      readonly grantId?: string | undefined;
    },
    startedMs: number,
  ): void {
    this.deps.access.wrote({
      event: 'http.call',
      requestId: call.requestId,
      caller: call.admitted.caller,
      upstream: call.upstream.config.slug,
      grantId: call.grantId,
      status: statusOf(call.response),
      ms: this.deps.clock.monotonicMs() - startedMs,
    });
  }

  #write({ response, requestId }: RawExchange, problem: Problem): void {
    writeProblem(response, problem, requestId);
  }

  /** The log says what a caller's 401 was about; of the token it says nothing. */
  #refuse(
    { request, response, requestId }: RawExchange,
    refusal: Refusal,
    upstream?: string,
  ): void {
    const { status, code, detail, denied } = refusal;
    if (denied && upstream !== undefined) {
      const { method } = request;
      this.deps.decisions?.denied({ ...denied, upstream, method, requestId });
    }
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

const ignored = () => undefined;
const unknownService = new Problem('not-found', 'There is no such service here.');
const tooManyCalls = new Problem('too-many-requests', 'You have too many calls open at once.', {
  headers: { 'retry-after': '1' },
});
const tokenInUrl = new Problem('invalid-request', 'An access token must not stand in a URL.');

/** What an upstream's rules, or all upstreams', say against a request. */
function notPassed(
  request: CallRequest,
  upstream: PreparedUpstream,
  token: string,
  webSocket: boolean,
): Problem | undefined {
  const { method = '', url = '' } = request;
  if (url.length > token.length && url.includes(token)) return tokenInUrl;
  const refused = egressProblem(upstream.config, method, pathBelow(upstream, url), webSocket);
  return refused ?? (webSocket ? handshakeProblem(request, token) : undefined);
}
