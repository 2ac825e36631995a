import type { IncomingMessage, ServerResponse } from 'node:http';
import type { FastifyInstance } from 'fastify';
import { personKey } from '../credentials/use.js';
import { OpenCalls } from '../http/open-calls.js';
import type { Admitted, Refusal } from '../inbound/inbound.js';
import type { PreparedUpstream } from '../upstreams/upstreams.js';
import { BeforeConsent } from './before-consent.js';
import { Consents } from './consents.js';
import { AnonymousCalls, peerOf } from './anonymous-calls.js';
import { decideCall } from './decide-call.js';
import { isNobody, nobody } from './guest.js';
import {
  goneSignal,
  noteTool,
  refusalAnswer,
  rejectionAnswer,
  tooManyCalls,
} from './endpoint-answers.js';
import { eraOf, eraOfSessionMethod } from './era.js';
import { LegacyCalls } from './legacy-calls.js';
import { limitedAnswer } from './limited-answer.js';
import type { McpCall, McpDeps } from './mcp-call.js';
import { parseMessage } from './message.js';
import { ModernCalls } from './modern-calls.js';
import { OpenStreams } from './open-streams.js';
import { readBody } from './read-body.js';
import { RememberedLists } from './remembered-lists.js';
import { problemAnswer, rpcError, writeAnswer, type RpcAnswer } from './rpc-answer.js';
import { Subscriptions } from './subscriptions.js';

/** `/mcp/{upstream}`: one upstream, transparent, both eras. Raw routes: nothing of Fastify touches a body. */
export function registerMcpRoutes(fastify: FastifyInstance, deps: McpDeps): void {
  const endpoint = new McpEndpoint(deps);
  fastify.register((scope, _options, done) => {
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser('*', (_request, _payload, parsed) => parsed(null));
    scope.all<{ Params: { upstream: string } }>('/mcp/:upstream', (request, reply) => {
      reply.hijack();
      void endpoint.serve(request.raw, reply.raw, request.params.upstream, request.id);
    });
    done();
  });
}

class McpEndpoint {
  readonly #modern: ModernCalls;
  readonly #legacy: LegacyCalls;
  readonly #open = new OpenCalls();
  readonly #anonymous: AnonymousCalls;

  constructor(private readonly deps: McpDeps) {
    this.#anonymous = new AnonymousCalls(deps.clock);
    const streams = new OpenStreams(deps.clock, deps.limits);
    const consents = new Consents(deps.watch);
    const subscriptions = new Subscriptions(deps, consents, streams);
    const before = new BeforeConsent(deps, new RememberedLists(), subscriptions);
    this.#modern = new ModernCalls(deps, before, streams);
    this.#legacy = new LegacyCalls(deps, before, consents, streams);
  }

  async serve(
    request: IncomingMessage,
    response: ServerResponse,
    slug: string,
    requestId: string,
  ): Promise<void> {
    const startedAt = this.deps.clock.monotonicMs();
    response.on('error', () => undefined);
    let call: McpCall | undefined;
    try {
      const admitted = await this.#admit(request, response, slug, requestId);
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
      if (call !== undefined) this.#logCall(call, startedAt);
    }
  }

  async #admit(
    request: IncomingMessage,
    response: ServerResponse,
    slug: string,
    requestId: string,
  ): Promise<McpCall | RpcAnswer> {
    const { inbound, upstreams } = this.deps;
    const malformed = inbound.refuseMalformed(request);
    if (malformed !== undefined) return this.#refuse(malformed, requestId);
    const upstream = mcpUpstream(upstreams.find(slug));
    const route = `/mcp/${slug}`;
    const admission = await this.#admitted(request, route, upstream);
    if (!admission.ok) {
      const { denied } = admission;
      if (denied && upstream) this.deps.decisions?.denied({ ...denied, upstream: slug, requestId });
      return this.#refuse(admission, requestId);
    }
    if (upstream === undefined)
      return problemAnswer(null, 'not-found', 'There is no such MCP server here.', requestId);
    const { caller, token, brought, lacking } = admission;
    return {
      lacking,
      requestId,
      request,
      response,
      caller,
      token,
      brought,
      upstream,
      route,
      gone: goneSignal(response),
      outcome: {},
    };
  }

  /** Without a token: as nobody, where the upstream has public tools. A token that does not count is always refused. */
  async #admitted(
    request: IncomingMessage,
    route: string,
    upstream: PreparedUpstream | undefined,
  ): Promise<Admitted | Refusal> {
    const { inbound } = this.deps;
    const admitsGuests = upstream?.toolGate?.admitsGuests === true;
    const admission = await inbound.admit(request, route, upstream?.config, admitsGuests);
    if (admission.ok || !admitsGuests || admission.code !== 'unauthenticated') return admission;
    const lacking = inbound.needs(route, upstream.config.access.scopes);
    return { ok: true, caller: nobody, token: '', lacking };
  }

  /** The log says what a caller's 401 was about; of the token it says nothing. */
  #refuse(refusal: Refusal, requestId: string): RpcAnswer {
    const { status, code, detail } = refusal;
    this.deps.log.info({ event: 'caller.refused', requestId, route: 'mcp', status, code, detail });
    return refusalAnswer(refusal, requestId);
  }

  async #bounded(call: McpCall): Promise<void> {
    if (isNobody(call.caller)) return this.#boundedByPeer(call);
    const person = personKey(call.caller);
    if (!this.#open.enter(person)) return writeAnswer(call.response, tooManyCalls(call.requestId));
    try {
      await this.#route(call);
    } finally {
      this.#open.leave(person);
    }
  }

  async #boundedByPeer(call: McpCall): Promise<void> {
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

  async #route(call: McpCall): Promise<void> {
    const limited = limitedAnswer(this.deps.limits, call);
    if (limited !== undefined) return writeAnswer(call.response, limited);
    const { method, headers } = call.request;
    if (method === 'POST') return this.#post(call);
    if (method !== 'GET' && method !== 'DELETE')
      return writeAnswer(call.response, notAllowed(call, 'POST, GET, DELETE'));
    const era = eraOfSessionMethod(headers);
    if (era.era === 'rejected') return writeAnswer(call.response, rejectionAnswer(null, era));
    return method === 'GET' ? this.#legacy.listen(call) : this.#legacy.end(call);
  }

  async #post(call: McpCall): Promise<void> {
    const body = await readBody(call.request, call.upstream.config.limits?.bodyBytes);
    if (body === undefined) return;
    if (!Buffer.isBuffer(body)) return writeAnswer(call.response, body);
    const message = parseMessage(body);
    if (message.kind === 'bad')
      return writeAnswer(call.response, {
        ...rpcError(null, message.code, message.message),
        status: 400,
      });
    noteTool(call.outcome, message);
    const era = eraOf(message, call.request.headers);
    if (era.era === 'rejected')
      return writeAnswer(
        call.response,
        rejectionAnswer(message.kind === 'request' ? message.id : null, era),
      );
    const refusal = decideCall(this.deps, call, message);
    if (refusal !== undefined) return writeAnswer(call.response, refusal);
    if (era.era === 'legacy' || message.kind === 'response')
      return this.#legacy.serve(call, message);
    return message.kind === 'request'
      ? this.#modern.serve(call, message)
      : this.#modern.notify(call, message);
  }

  #logCall(call: McpCall, startedAt: number): void {
    const { issuer, subject, application } = call.caller;
    const who = isNobody(call.caller) ? {} : { issuer, subject, application };
    this.deps.log.info({
      event: 'mcp.call',
      requestId: call.requestId,
      ...who,
      upstream: call.upstream.config.slug,
      tool: call.outcome.tool,
      grantId: call.outcome.grantId,
      // nginx's 499: the client left before there was a status.
      status: call.response.headersSent ? call.response.statusCode : 499,
      ms: Math.round(this.deps.clock.monotonicMs() - startedAt),
    });
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
