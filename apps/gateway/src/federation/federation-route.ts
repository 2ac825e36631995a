import type { IncomingMessage, ServerResponse } from 'node:http';
import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import { personKey } from '../credentials/use.js';
import { statusOf } from '../http/access-log.js';
import { OpenCalls } from '../http/open-calls.js';
import type { Admitted, Refusal } from '../inbound/inbound.js';
import { AnonymousCalls, peerOf } from '../mcp/anonymous-calls.js';
import {
  goneSignal,
  readMessage,
  refusalAnswer,
  rejectionAnswer,
  tooManyCalls,
} from '../mcp/endpoint-answers.js';
import { eraOfSessionMethod, metaKey } from '../mcp/era.js';
import { isNobody, isOpenToGuests, nobody } from '../mcp/guest.js';
import { isObject, type JsonObject, type McpMessage } from '../mcp/message.js';
import { readBody } from '../mcp/read-body.js';
import { requestDigest } from '../mcp/request-state.js';
import { problemAnswer, writeAnswer, type RpcAnswer } from '../mcp/rpc-answer.js';
import type { PreparedUpstream } from '../upstreams/upstreams.js';
import { parseExact } from './exact-json.js';
import {
  guestsProfile,
  modernProfile,
  saysNothing,
  whoOf,
  type FederatedCall,
} from './federated-call.js';
import { federatedRoute } from './federated-state.js';
import { joinUpstreams, type FederationDeps } from './federation.js';
import { lackingAt } from './lacking-at.js';
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
export function registerFederationRoute(fastify: FastifyInstance, deps: FederationDeps): void {
  const endpoint = new FederationEndpoint(deps);
  fastify.register((scope, _options, done) => {
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser('*', (_request, _payload, parsed) => parsed(null));
    scope.all(federatedRoute, (request, reply) => {
      reply.hijack();
      void endpoint.serve(request.raw, reply.raw, request.id);
    });
    done();
  });
}

const clientInfo = z.object({
  name: z.string(),
  version: z.string(),
  title: z.string().optional(),
});

class FederationEndpoint {
  readonly #modern: ModernFront;
  readonly #legacy: LegacyFront;
  readonly #open = new OpenCalls();
  readonly #anonymous: AnonymousCalls;

  constructor(private readonly deps: FederationDeps) {
    this.#anonymous = new AnonymousCalls(deps.clock);
    const { modern, legacy } = joinUpstreams(deps);
    this.#modern = modern;
    this.#legacy = legacy;
  }

  async serve(
    request: IncomingMessage,
    response: ServerResponse,
    requestId: string,
  ): Promise<void> {
    const startedMs = this.deps.clock.monotonicMs();
    response.on('error', () => undefined);
    let call: FederatedCall | undefined;
    try {
      const admitted = await this.#admit(request, response, requestId);
      if ('status' in admitted) return writeAnswer(response, admitted);
      call = admitted;
      await this.#bounded(call);
    } catch (error) {
      this.deps.log.error({ event: 'mcp.failed', requestId, err: error });
      if (response.headersSent) response.destroy();
      else
        writeAnswer(
          response,
          problemAnswer(null, 'internal', 'Something went wrong on our side.', requestId),
        );
    } finally {
      if (call !== undefined) this.#wrote(call, startedMs);
    }
  }

  async #admit(
    request: IncomingMessage,
    response: ServerResponse,
    requestId: string,
  ): Promise<FederatedCall | RpcAnswer> {
    const { inbound } = this.deps;
    const admission = this.#guest(await inbound.admit(request, federatedRoute, undefined));
    if (!admission.ok) return this.#refuse(admission, requestId);
    const { caller, token } = admission;
    return {
      ...{ requestId, request, response, caller, token },
      gone: goneSignal(response),
      outcome: {},
      brought: (upstream) => inbound.brought(request, upstream, token),
      lacking: (upstream) => lackingAt(inbound, caller, upstream),
      // Until the message says more.
      client: guestsProfile,
    };
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

  async #bounded(call: FederatedCall): Promise<void> {
    if (isNobody(call.caller)) return this.#boundedByPeer(call);
    const person = personKey(call.caller);
    if (!this.#open.enter(person))
      return writeAnswer(call.response, tooManyCalls(call.requestId, 1));
    try {
      await this.#route(call);
    } finally {
      this.#open.leave(person);
    }
  }

  async #boundedByPeer(call: FederatedCall): Promise<void> {
    const peer = peerOf(call.request);
    const waitSeconds = this.#anonymous.enter(peer);
    if (waitSeconds > 0)
      return writeAnswer(call.response, tooManyCalls(call.requestId, waitSeconds));
    try {
      await this.#route(call);
    } finally {
      this.#anonymous.leave(peer);
    }
  }

  async #route(call: FederatedCall): Promise<void> {
    const { method, headers } = call.request;
    if (method === 'POST') return this.#post(call);
    if (method !== 'GET' && method !== 'DELETE')
      return writeAnswer(call.response, notAllowed(call, 'POST, GET, DELETE'));
    const era = eraOfSessionMethod(headers);
    if (era.era === 'rejected') return writeAnswer(call.response, rejectionAnswer(null, era));
    if (method === 'GET' && isNobody(call.caller))
      // The transport's way to say that there is no such stream.
      return writeAnswer(call.response, notAllowed(call, 'POST, DELETE'));
    return method === 'GET' ? this.#legacy.listen(call) : this.#legacy.end(call);
  }

  async #post(call: FederatedCall): Promise<void> {
    const body = await readBody(call.request);
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
    return this.#modern.serve({ ...call, client: profileIn(call, message.params) }, asked);
  }

  #wrote(call: FederatedCall, startedMs: number): void {
    this.deps.access.wrote({
      event: 'mcp.call',
      requestId: call.requestId,
      caller: whoOf(call),
      ...call.outcome,
      status: statusOf(call.response),
      ms: this.deps.clock.monotonicMs() - startedMs,
    });
  }
}

/** With exact numbers, and without what an era keeps in `_meta`: that is between a client and us. */
function askedIn(message: Extract<McpMessage, { kind: 'request' }>): Asked {
  const { id, method, body } = message;
  const exact = parseExact(body.text);
  const params = isObject(exact) && isObject(exact['params']) ? exact['params'] : {};
  const digest = requestDigest(method, message.params);
  return {
    id,
    method,
    digest,
    bytes: body.bytes.length,
    params: { ...params, ...ownMeta(params['_meta']) },
  };
}

function ownMeta(meta: unknown): { _meta?: JsonObject | undefined } {
  if (!isObject(meta)) return {};
  const own = Object.entries(meta).filter(([name]) => !name.startsWith('io.modelcontextprotocol/'));
  return { _meta: own.length === 0 ? undefined : Object.fromEntries(own) };
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
