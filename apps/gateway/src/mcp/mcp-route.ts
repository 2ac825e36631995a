import type { Caller } from '#lib/jwt/caller';
import type { CallRequest, CallResponse } from '../connection/exchange.js';
import type { CallRoutes } from '../call-routes.js';
import { statusOf } from '../http/access-log.js';
import type { RawExchange } from '../http/http-exchange.js';
import type { Admitted, Refusal } from '../inbound/inbound.js';
import type { PreparedUpstream } from '../upstreams/upstreams.js';
import { BeforeConsent } from './before-consent.js';
import { Consents } from './consents.js';
import { CallCourse } from './call-course.js';
import { decideCall } from './decide-call.js';
import { isNobody, nobody } from './guest.js';
import { goneSignal, readMessage, refusalAnswer, rejectionAnswer } from './endpoint-answers.js';
import { eraOfSessionMethod } from './era.js';
import { LegacyCalls } from './legacy-calls.js';
import { limitedAnswer } from './limited-answer.js';
import type { CallTerms, McpCall, McpDeps } from './mcp-call.js';
import { ModernCalls } from './modern-calls.js';
import { OpenStreams } from './open-streams.js';
import { takeBody, type TakenBody } from './read-body.js';
import { RememberedLists } from './remembered-lists.js';
import { problemAnswer, writeAnswer, type RpcAnswer } from './rpc-answer.js';
import { Subscriptions } from './subscriptions.js';

const prefix = '/mcp/';

/** `/mcp/{upstream}`: one upstream, transparent, both eras. */
export function registerMcpRoutes(routes: CallRoutes, deps: McpDeps): void {
  const endpoint = new McpEndpoint(deps);
  routes.add({
    takes: (target) => target.startsWith(prefix) && isSlug(slugOf(target)),
    serve: (exchange) => endpoint.serve(exchange, slugOf(exchange.request.url ?? '')),
  });
}

function slugOf(target: string): string {
  const end = target.indexOf('?');
  return target.slice(prefix.length, end < 0 ? undefined : end);
}

/** False where more than a slug follows. */
function isSlug(text: string): boolean {
  return text !== '' && !text.includes('/');
}

class McpEndpoint {
  readonly #modern: ModernCalls;
  readonly #legacy: LegacyCalls;
  readonly #course: CallCourse<AdmittedCall>;

  constructor(private readonly deps: McpDeps) {
    this.#course = new CallCourse(deps, (call) => this.#wrote(call));
    const streams = new OpenStreams(deps.clock, deps.limits);
    const consents = new Consents(deps.watch);
    const subscriptions = new Subscriptions(deps, consents, streams);
    const before = new BeforeConsent(deps, new RememberedLists(), subscriptions);
    this.#modern = new ModernCalls(deps, before, streams);
    this.#legacy = new LegacyCalls(deps, before, consents, streams);
  }

  /** No promise is waited for where nothing has to be: a call with all at hand is passed on in the turn that brought it. */
  serve(exchange: RawExchange, slug: string): void {
    exchange.response.on('error', ignored);
    const upstream = mcpUpstream(this.deps.upstreams.find(slug));
    const target = { upstream, route: `/mcp/${slug}`, startedMs: this.deps.clock.monotonicMs() };
    const admission = this.#admitted(exchange.request, target.route, upstream);
    if (!(admission instanceof Promise)) return this.#proceed(exchange, admission, target);
    admission
      .then((one) => this.#proceed(exchange, one, target))
      .catch((error: unknown) => this.#course.failed(exchange, error));
  }

  #proceed(
    exchange: RawExchange,
    admission: Admitted | Refusal,
    { upstream, route, startedMs }: Target,
  ): void {
    const { request, response, requestId } = exchange;
    if (!admission.ok) return this.#refuse(admission, exchange, upstream);
    if (upstream === undefined)
      return writeAnswer(
        response,
        problemAnswer(null, 'not-found', 'There is no such MCP server here.', requestId),
      );
    const call = new AdmittedCall(exchange, admission, { upstream, route, startedMs });
    if (!this.#course.enter(call)) return this.#wrote(call);
    const limited = limitedAnswer(this.deps.limits, call);
    if (limited !== undefined)
      return this.#course.follow(call, () => writeAnswer(response, limited));
    if (request.method !== 'POST') return this.#course.follow(call, () => this.#withoutBody(call));
    takeBody(request, upstream.config.limits?.bodyBytes, (body) =>
      this.#course.follow(call, () => this.#post(call, body)),
    );
  }

  #admitted(
    request: CallRequest,
    route: string,
    upstream: PreparedUpstream | undefined,
  ): Admitted | Refusal | Promise<Admitted | Refusal> {
    const { inbound } = this.deps;
    const admitsGuests = upstream?.toolGate?.admitsGuests === true;
    const admission = inbound.admit(request, route, upstream?.config, admitsGuests);
    if (!admitsGuests) return admission;
    const orGuest = (admitted: Admitted | Refusal) => this.#orGuest(admitted, route, upstream);
    return admission instanceof Promise ? admission.then(orGuest) : orGuest(admission);
  }

  /** Without a token: as nobody, where the upstream has public tools. A token that does not count is always refused. */
  #orGuest(
    admission: Admitted | Refusal,
    route: string,
    { config }: PreparedUpstream,
  ): Admitted | Refusal {
    if (admission.ok || admission.code !== 'unauthenticated') return admission;
    const lacking = this.deps.inbound.needs(route, config.access.scopes);
    return { ok: true, caller: nobody, token: '', lacking };
  }

  /** The log says what a caller's 401 was about; of the token it says nothing. */
  #refuse(
    refusal: Refusal,
    { response, requestId }: RawExchange,
    upstream: PreparedUpstream | undefined,
  ): void {
    const { status, code, detail, denied } = refusal;
    if (denied && upstream)
      this.deps.decisions?.denied({ ...denied, upstream: upstream.config.slug, requestId });
    this.deps.log.info({ event: 'caller.refused', requestId, route: 'mcp', status, code, detail });
    writeAnswer(response, refusalAnswer(refusal, requestId));
  }

  #withoutBody(call: McpCall): void | Promise<void> {
    const { method, headers } = call.request;
    if (method !== 'GET' && method !== 'DELETE')
      return writeAnswer(call.response, notAllowed(call, 'POST, GET, DELETE'));
    const era = eraOfSessionMethod(headers);
    if (era.era === 'rejected') return writeAnswer(call.response, rejectionAnswer(null, era));
    return method === 'GET' ? this.#legacy.listen(call) : this.#legacy.end(call);
  }

  #post(call: McpCall, body: TakenBody): void | Promise<void> {
    if (body === undefined) return;
    if (!Buffer.isBuffer(body)) return writeAnswer(call.response, body);
    const read = readMessage(body, call);
    if ('status' in read) return writeAnswer(call.response, read);
    const { message, era } = read;
    const refusal = decideCall(this.deps, call, message);
    if (refusal !== undefined) return writeAnswer(call.response, refusal);
    if (era === 'legacy' || message.kind === 'response') return this.#legacy.serve(call, message);
    return message.kind === 'request'
      ? this.#modern.serve(call, message)
      : this.#modern.notify(call, message);
  }

  #wrote({ requestId, caller, upstream, outcome, response, startedMs }: AdmittedCall): void {
    this.deps.access.wrote({
      event: 'mcp.call',
      requestId,
      caller: isNobody(caller) ? undefined : caller,
      upstream: upstream.config.slug,
      method: outcome.method,
      tool: outcome.tool,
      grantId: outcome.grantId,
      status: statusOf(response),
      ms: this.deps.clock.monotonicMs() - startedMs,
    });
  }
}

const ignored = () => undefined;

interface Target {
  readonly upstream: PreparedUpstream | undefined;
  readonly route: string;
  readonly startedMs: number;
}

class AdmittedCall implements McpCall {
  readonly requestId: string;
  readonly request: CallRequest;
  readonly response: CallResponse;
  readonly caller: Caller;
  readonly token: string;
  readonly brought: string | undefined;
  readonly lacking: Refusal | undefined;
  readonly upstream: PreparedUpstream;
  readonly route: string;
  readonly startedMs: number;
  /** Set once the call counts among those that are open. */
  leave: (() => void) | undefined;
  readonly outcome: McpCall['outcome'] = {};
  terms?: CallTerms;
  lentPublicly?: boolean;
  #gone: AbortSignal | undefined;

  constructor(
    exchange: RawExchange,
    admitted: Admitted,
    target: Target & { readonly upstream: PreparedUpstream },
  ) {
    this.upstream = target.upstream;
    this.route = target.route;
    this.startedMs = target.startedMs;
    this.requestId = exchange.requestId;
    this.request = exchange.request;
    this.response = exchange.response;
    this.caller = admitted.caller;
    this.token = admitted.token;
    this.brought = admitted.brought;
    this.lacking = admitted.lacking;
  }

  /** Few calls ask, and a signal costs more than all the rest of this. */
  get gone(): AbortSignal {
    return (this.#gone ??= goneSignal(this.response));
  }
}

function mcpUpstream(upstream: PreparedUpstream | undefined): PreparedUpstream | undefined {
  return upstream?.config.type === 'mcp' ? upstream : undefined;
}

function notAllowed(call: McpCall, allow: string): RpcAnswer {
  return problemAnswer(
    null,
    'method-not-allowed',
    'MCP uses POST, GET and DELETE.',
    call.requestId,
    { allow },
  );
}
