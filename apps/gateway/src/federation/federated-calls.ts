import type { BorrowedCredential, CredentialAnswer } from '../credentials/credentials.js';
import { borrow } from '../mcp/borrow.js';
import { isNobody } from '../mcp/guest.js';
import { limitedAnswer } from '../mcp/limited-answer.js';
import { Looks, type LookedPage } from '../mcp/looks.js';
import type { McpDeps } from '../mcp/mcp-call.js';
import { isObject, type JsonObject } from '../mcp/message.js';
import { problemAnswer, result, rpcError, type RpcAnswer } from '../mcp/rpc-answer.js';
import { failureAnswer, notMcp } from '../mcp/upstream-call.js';
import { printExact } from './exact-json.js';
import { callAt, type FederatedCall } from './federated-call.js';
import { federatedRoute, openPausedCall, type PausedCall } from './federated-state.js';
import type { Asked, Pauses } from './pauses.js';
import type { PeerAnswer } from './peer.js';
import type { Reply } from './reply.js';
import type { Rounds } from './call-rounds.js';
import { wishOf, type Routed } from './routed.js';
import type { Target, Targets } from './targets.js';
import { isSignInTool } from './own-tools.js';
import { challenge, decideTarget } from './tool-decision.js';

/** Requests for one thing of one upstream: where it is, whether it may be used, with what credential. */
export class FederatedCalls {
  readonly #looks: Looks;

  constructor(
    private readonly deps: McpDeps,
    private readonly targets: Targets,
    private readonly pauses: Pauses,
    private readonly rounds: Rounds,
  ) {
    this.#looks = new Looks(deps.clock);
  }

  serve(call: FederatedCall, asked: Asked, reply: Reply): void | Promise<void> {
    const target = this.targets.of(call, asked.method, asked.params);
    return target instanceof Promise
      ? target.then((found) => this.#serveAt(found, call, asked, reply))
      : this.#serveAt(target, call, asked, reply);
  }

  #serveAt(
    target: Target | undefined,
    call: FederatedCall,
    asked: Asked,
    reply: Reply,
  ): void | Promise<void> {
    const routed = this.#route(target, call, asked, reply);
    if (routed === undefined) return;
    if (call.client.era === 'modern' && asked.params['requestState'] !== undefined)
      return this.#retry(routed);
    return this.#begin(routed, retryPart(asked.params));
  }

  #route(
    target: Target | undefined,
    call: FederatedCall,
    asked: Asked,
    reply: Reply,
  ): Routed | undefined {
    const { id } = asked;
    if (target === undefined) {
      reply.answer(this.#nowhere(call, asked));
      return undefined;
    }
    const { outcome } = call;
    outcome.upstream = target.slug;
    const at = callAt(call, target.visible.upstream);
    const decided = decideTarget(this.deps, call, id, target);
    if ('nowhere' in decided) {
      reply.answer(this.#nowhere(call, asked));
      return undefined;
    }
    const refused =
      'refused' in decided
        ? decided.refused
        : (this.#refusedToken(call, id, target) ??
          limitedAnswer(this.deps.limits, at, id, asked.bytes));
    if (refused !== undefined) {
      reply.answer(refused);
      return undefined;
    }
    const { inputResponses, requestState, ...own } = target.params;
    const terms = 'terms' in decided ? decided.terms : undefined;
    const params = terms?.decoy === undefined ? own : { ...own, name: terms.decoy };
    if (terms !== undefined) at.terms = terms;
    return { call, asked, target, params, reply, at };
  }

  /** Whoever signs in may find there what nobody in particular does not. */
  #nowhere(call: FederatedCall, asked: Asked): RpcAnswer {
    if (isNobody(call.caller))
      return challenge(call, asked.id, this.deps.inbound.needs(federatedRoute, []));
    return isSignInTool(asked) ? signedIn(call, asked) : unknownTarget(asked);
  }

  #refusedToken(call: FederatedCall, id: Asked['id'], target: Target): RpcAnswer | undefined {
    if (target.visible.access.kind === 'guest') return undefined;
    const brought = call.brought(target.visible.upstream.config);
    if (brought?.kind !== 'refused') return undefined;
    return problemAnswer(id, 'invalid-request', brought.detail, call.requestId);
  }

  #begin(routed: Routed, round: JsonObject): void | Promise<void> {
    const credential = borrow(this.deps, routed.at, wishOf(routed));
    return credential instanceof Promise
      ? credential.then((one) => this.#beginWith(routed, one, round))
      : this.#beginWith(routed, credential, round);
  }

  #beginWith(
    routed: Routed,
    credential: CredentialAnswer,
    round: JsonObject,
  ): void | Promise<void> {
    const { call, target, asked, reply } = routed;
    if (credential.kind !== 'credential')
      return reply.answer(this.pauses.answer(call, target.visible.upstream, asked, credential));
    return this.#go(routed, credential, round);
  }

  #go(routed: Routed, credential: BorrowedCredential, round: JsonObject): Promise<void> {
    if (routed.target.connects === true) return this.#connect(routed, credential);
    return routed.at.terms?.isUnseen === true
      ? this.#lookFirst(routed, credential, round)
      : this.rounds.run(routed, credential, round);
  }

  async #lookFirst(
    routed: Routed,
    credential: BorrowedCredential,
    round: JsonObject,
  ): Promise<void> {
    const { call, target, asked, reply, at } = routed;
    const looked = await this.#looks.once(this.deps, at, (cursor) =>
      this.rounds.look(routed, credential, cursor === undefined ? {} : { cursor }).then(pageIn),
    );
    if (looked.kind === 'no-credential')
      return reply.answer(this.pauses.answer(call, target.visible.upstream, asked, looked.answer));
    if (looked.kind === 'failed') return reply.answer(failureAnswer(at, asked.id, looked.failure));
    const decided = decideTarget(this.deps, call, asked.id, target, true);
    if ('nowhere' in decided) return reply.answer(this.#nowhere(call, asked));
    if ('refused' in decided) return reply.answer(decided.refused);
    at.terms = decided.terms;
    return this.rounds.run(routed, credential, round);
  }

  /** Connected is what the upstream takes: a token that it refuses is asked for anew. */
  async #connect(routed: Routed, credential: BorrowedCredential): Promise<void> {
    const { call, target, asked, reply } = routed;
    const { upstream } = target.visible;
    const answer = await this.rounds.look(routed, credential);
    if (answer.kind === 'no-credential')
      return reply.answer(this.pauses.answer(call, upstream, asked, answer.answer));
    if (answer.kind === 'failed')
      return reply.answer(failureAnswer(routed.at, asked.id, answer.failure));
    const text = `${upstream.config.name} is connected. List the tools again to see what it offers.`;
    return reply.answer(textAnswer(call, asked, text));
  }

  /** A further round of a call that was paused: it goes on where it paused, or nowhere (row 19). */
  async #retry(routed: Routed): Promise<void> {
    const { call, asked, target, reply } = routed;
    const paused = openPausedCall(this.deps.sealer, asked.params['requestState'], {
      caller: call.caller,
      digest: asked.digest,
      now: this.deps.clock.now(),
    });
    if (paused === undefined || paused.upstream !== target.slug)
      return reply.answer(notOurState(asked));
    return this.#resume(routed, paused.pause);
  }

  #resume(routed: Routed, pause: PausedCall['pause']): void | Promise<void> {
    const { inputResponses } = routed.asked.params;
    switch (pause.kind) {
      case 'consent':
        return this.#afterConsent(routed, pause);
      case 'upstream': {
        const { requestState } = pause;
        return this.#begin(routed, {
          ...(inputResponses === undefined ? {} : { inputResponses }),
          ...(requestState === undefined ? {} : { requestState }),
        });
      }
      case 'again':
        return this.#begin(routed, {});
      case 'suspended':
        return this.rounds.resume(
          routed,
          pause.handle,
          isObject(inputResponses) ? inputResponses : {},
        );
    }
  }

  async #afterConsent(
    routed: Routed,
    pause: Extract<PausedCall['pause'], { kind: 'consent' }>,
  ): Promise<void> {
    const { call, target, asked, reply } = routed;
    const { upstream } = target.visible;
    const resumed = await this.pauses.resume(call, upstream, asked, pause);
    if (resumed.kind === 'answer') return reply.answer(resumed.answer);
    const { requestState, inputResponses, ...params } = asked.params;
    const before = { ...asked, params: { ...params, ...interrupted(pause) } };
    if (resumed.kind !== 'credential')
      return reply.answer(this.pauses.answer(call, upstream, before, resumed));
    if (pause.interrupted !== undefined) return this.#retry({ ...routed, asked: before });
    return this.#go({ ...routed, asked: before }, resumed, retryPart(before.params));
  }
}

function interrupted(pause: Extract<PausedCall['pause'], { kind: 'consent' }>): JsonObject {
  return {
    ...(pause.interrupted === undefined ? {} : { requestState: pause.interrupted }),
    ...(pause.inputResponses === undefined
      ? {}
      : { inputResponses: JSON.parse(pause.inputResponses) as unknown }),
  };
}

/** Answers without a state: an upstream may ask so that nothing needs to be remembered. */
function retryPart({ inputResponses }: JsonObject): JsonObject {
  return inputResponses === undefined ? {} : { inputResponses };
}

function signedIn(call: FederatedCall, asked: Asked): RpcAnswer {
  return textAnswer(call, asked, 'You are signed in. List the tools again to see all of them.');
}

function textAnswer({ client }: FederatedCall, { id }: Asked, text: string): RpcAnswer {
  const value = { content: [{ type: 'text', text }], isError: false };
  return result(id, client.era === 'modern' ? { resultType: 'complete', ...value } : value);
}

function unknownTarget({ id, method, params }: Asked): RpcAnswer {
  const what = method === 'tools/call' ? 'Unknown tool' : 'Not found';
  const name = params['name'] ?? params['uri'];
  const shown = typeof name === 'string' ? `: ${name.slice(0, 256)}` : '';
  return rpcError(id, -32_602, `${what}${shown}`);
}

function notOurState({ id }: Asked): RpcAnswer {
  const reason =
    'requestState is not one that was given out for this request. Send it again without.';
  return { ...rpcError(id, -32_602, reason), status: 400 };
}

function pageIn(answer: PeerAnswer): LookedPage {
  switch (answer.kind) {
    case 'result':
      // Numbers as every other reader of the list has them: fingerprints are compared between replicas.
      return { kind: 'page', result: JSON.parse(printExact(answer.result)) as JsonObject };
    case 'error':
      return { kind: 'failed', failure: notMcp };
    case 'failed':
    case 'no-credential':
      return answer;
  }
}
