import { z } from 'zod';
import type { CallRoutes } from '../call-routes.js';
import { statusOf } from '../http/access-log.js';
import type { RawExchange } from '../http/http-exchange.js';
import type { Admitted, Refusal } from '../inbound/inbound.js';
import { CallCourse } from '../mcp/call-course.js';
import { readMessage, refusalAnswer, rejectionAnswer } from '../mcp/endpoint-answers.js';
import { eraOfSessionMethod, metaKey } from '../mcp/era.js';
import { isNobody, isOpenToGuests, nobody } from '../mcp/guest.js';
import { isObject, type JsonObject, type McpMessage } from '../mcp/message.js';
import { takeBody, type TakenBody } from '../mcp/read-body.js';
import { requestDigest } from '../mcp/request-state.js';
import { problemAnswer, writeAnswer, type RpcAnswer } from '../mcp/rpc-answer.js';
import type { PreparedUpstream } from '../upstreams/upstreams.js';
import { isExactAsParsed, parseExact } from './exact-json.js';
import { modernProfile, saysNothing, whoOf, type FederatedCall } from './federated-call.js';
import { federatedRoute } from './federated-state.js';
import { joinUpstreams, type FederationDeps } from './federation.js';
import { JoinedCall } from './joined-call.js';
import type { LegacyFront } from './legacy-front.js';
import type { ModernFront } from './modern-front.js';
import { logLevelKey } from './modern-peer.js';
import type { Asked } from './pauses.js';
import { challenge } from './tool-decision.js';

/**
 * `/mcp`: all upstreams in one, in both eras. Raw as `/mcp/{upstream}`: nothing of Fastify touches a body.
 *
 * Where things are: this file admits a request and hands it to its era (`modern-front`, `legacy-front`). A list comes from
 * `joined-lists`, out of `catalogues` (what each upstream lists for a person), and is kept in `printed-lists`. Anything else is
 * for one upstream: `targets` finds it by a name (`names`), URI (`uris`) or task id (`task-ids`), `tool-decision` says whether
 * it may be, `federated-calls` borrows and pauses (`pauses`), `call-rounds` carries it through what both sides ask. Upstreams are
 * `peers`, each in its own era (`modern-peer`, `legacy-peer`); `follow-peers` merges their streams. `federation` puts all together.
 */
export function registerFederationRoute(routes: CallRoutes, deps: FederationDeps): void {
  const endpoint = new FederationEndpoint(deps);
  routes.add({ takes: isFederated, serve: (exchange) => endpoint.serve(exchange) });
}

function isFederated(target: string): boolean {
  return target === federatedRoute || target.startsWith(withQuery);
}

const withQuery = `${federatedRoute}?`;
const clientInfo = z.object({
  name: z.string(),
  version: z.string(),
  title: z.string().optional(),
});

class FederationEndpoint {
  readonly #modern: ModernFront;
  readonly #legacy: LegacyFront;
  readonly #course: CallCourse<JoinedCall>;

  constructor(private readonly deps: FederationDeps) {
    this.#course = new CallCourse(deps, (call) => this.#wrote(call));
    const { modern, legacy } = joinUpstreams(deps);
    this.#modern = modern;
    this.#legacy = legacy;
  }

  /** No promise is waited for where nothing has to be: a call with all at hand is passed on in the turn that brought it. */
  serve(exchange: RawExchange): void {
    exchange.response.on('error', ignored);
    const startedMs = this.deps.clock.monotonicMs();
    const admission = this.deps.inbound.admit(exchange.request, federatedRoute, undefined);
    if (!(admission instanceof Promise)) return this.#proceed(exchange, admission, startedMs);
    admission
      .then((one) => this.#proceed(exchange, one, startedMs))
      .catch((error: unknown) => this.#course.failed(exchange, error));
  }

  #proceed(exchange: RawExchange, admission: Admitted | Refusal, startedMs: number): void {
    const { request, response, requestId } = exchange;
    const admitted = this.#guest(admission);
    if (!admitted.ok) return writeAnswer(response, this.#refuse(admitted, requestId));
    const call = new JoinedCall(exchange, admitted, this.deps.inbound, startedMs);
    if (!this.#course.enter(call)) return this.#wrote(call);
    if (request.method !== 'POST') return this.#course.follow(call, () => this.#withoutBody(call));
    takeBody(request, undefined, (body) => this.#course.follow(call, () => this.#post(call, body)));
  }

  /** Without a token: as nobody, where some upstream has public tools. A token that does not count is always refused. */
  #guest(admission: Admitted | Refusal): Admitted | Refusal {
    if (admission.ok || admission.code !== 'unauthenticated') return admission;
    const admits = ({ config, toolGate }: PreparedUpstream): boolean =>
      config.type === 'mcp' && toolGate?.admitsGuests === true;
    if (!this.deps.upstreams.all().some(admits)) return admission;
    return { ok: true, caller: nobody, token: '' };
  }

  #refuse(refusal: Refusal, requestId: string): RpcAnswer {
    const { status, code, detail } = refusal;
    this.deps.log.info({ event: 'caller.refused', requestId, route: 'mcp', status, code, detail });
    return refusalAnswer(refusal, requestId);
  }

  #withoutBody(call: FederatedCall): void | Promise<void> {
    const { method, headers } = call.request;
    if (method !== 'GET' && method !== 'DELETE')
      return writeAnswer(call.response, notAllowed(call, 'POST, GET, DELETE'));
    const era = eraOfSessionMethod(headers);
    if (era.era === 'rejected') return writeAnswer(call.response, rejectionAnswer(null, era));
    if (method === 'GET' && isNobody(call.caller))
      // The transport's way to say that there is no such stream.
      return writeAnswer(call.response, notAllowed(call, 'POST, DELETE'));
    return method === 'GET' ? this.#legacy.listen(call) : this.#legacy.end(call);
  }

  #post(call: FederatedCall, body: TakenBody): void | Promise<void> {
    if (body === undefined) return;
    if (!Buffer.isBuffer(body)) return writeAnswer(call.response, body);
    const read = readMessage(body, call);
    if ('status' in read) return writeAnswer(call.response, read);
    const { message, era } = read;
    if (isNobody(call.caller) && message.kind === 'request' && !isOpenToGuests(message.method)) {
      const needed = this.deps.inbound.needs(federatedRoute, []);
      return writeAnswer(call.response, challenge(call, message.id, needed));
    }
    const asked = message.kind === 'request' ? askedIn(message) : undefined;
    if (era === 'legacy' || message.kind === 'response')
      return this.#legacy.serve(call, message, asked);
    if (asked === undefined || message.kind !== 'request')
      return writeAnswer(call.response, { status: 202, body: undefined });
    call.client = profileIn(call, message.params);
    return this.#modern.serve(call, asked);
  }

  #wrote(call: JoinedCall): void {
    const { requestId, outcome, response, startedMs } = call;
    this.deps.access.wrote({
      event: 'mcp.call',
      requestId,
      caller: whoOf(call),
      ...outcome,
      status: statusOf(response),
      ms: this.deps.clock.monotonicMs() - startedMs,
    });
  }
}

const ignored = () => undefined;

/** With exact numbers, and without what an era keeps in `_meta`: that is between a client and us. */
function askedIn(message: Extract<McpMessage, { kind: 'request' }>): Asked {
  const { id, method, body } = message;
  const params = exactParams(message);
  let digest: string | undefined;
  return {
    ...{ id, method, bytes: body.bytes.length, params: withOwnMeta(params) },
    // Of a call that is paused, or goes on after a pause.
    get digest() {
      return (digest ??= requestDigest(method, message.params));
    },
  };
}

function exactParams({ params, body }: Extract<McpMessage, { kind: 'request' }>): JsonObject {
  if (isExactAsParsed(body.text)) return params;
  const exact = parseExact(body.text);
  return isObject(exact) && isObject(exact['params']) ? exact['params'] : {};
}

function withOwnMeta(params: JsonObject): JsonObject {
  const { _meta: meta, ...others } = params;
  if (!isObject(meta)) return params;
  const own: Record<string, unknown> = {};
  let hasOwn = false;
  for (const name in meta)
    if (!name.startsWith('io.modelcontextprotocol/')) {
      own[name] = meta[name];
      hasOwn = true;
    }
  return hasOwn ? { ...others, _meta: own } : others;
}

function profileIn({ caller }: FederatedCall, params: JsonObject): FederatedCall['client'] {
  const meta = isObject(params['_meta']) ? params['_meta'] : {};
  const capabilities = meta[metaKey.capabilities];
  const level = meta[logLevelKey];
  return modernProfile(caller, {
    capabilities: isObject(capabilities) ? capabilities : {},
    clientInfo: clientInfo.safeParse(meta[metaKey.clientInfo]).data ?? saysNothing.clientInfo,
    logLevel: typeof level === 'string' ? level : undefined,
  });
}

function notAllowed({ requestId }: FederatedCall, allow: string): RpcAnswer {
  const detail = `MCP uses ${allow}.`;
  return problemAnswer(null, 'method-not-allowed', detail, requestId, { allow });
}
