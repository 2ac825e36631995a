import type { BorrowedCredential } from '../credentials/credentials.js';
import { isNobody } from '../mcp/guest.js';
import { isObject, type JsonObject } from '../mcp/message.js';
import { rpcError } from '../mcp/rpc-answer.js';
import { failureAnswer } from '../mcp/upstream-call.js';
import { ClientQuestions } from './client-questions.js';
import { personOf } from './federated-call.js';
import { requestIds } from './request-ids.js';
import type { RoundParts } from './round-parts.js';
import { listedFirst, progressTokenOf, roundRequest, type RoundRequest } from './round-request.js';
import { originOf } from './server-requests.js';
import { wishOf, type Routed } from './routed.js';
import { OpenCall, type Hearer } from './open-call.js';
import { outwardError, outwardQuestion, outwardResult, urlQuestions } from './outward.js';
import { undisguise } from './disguise.js';
import type { Pauses } from './pauses.js';
import type { PeerAnswer, PeerRequest, ServerRequest } from './peer.js';
import type { Came } from './straight-round.js';
import { StraightRounds } from './straight-rounds.js';

const mostRounds = 20;
const stateSeconds = 60 * 60;
/** As a client answers that declared nothing: strangers share no place to wait in. */
const asksNobody = { code: -32_601, message: 'Method not found.' };

/** A call at its upstream, with what the two ask each other before the answer, each in its own era. */
export class Rounds {
  readonly #straight: StraightRounds;
  readonly #questions: ClientQuestions;

  constructor(private readonly parts: RoundParts) {
    this.#straight = new StraightRounds(parts);
    this.#questions = new ClientQuestions(parts);
  }

  /** `round`: the answers and the state that this round carries to the upstream. */
  run(routed: Routed, credential: BorrowedCredential, round: JsonObject): Promise<void> {
    if (isSubscription(routed)) return this.#runSubscription(routed, credential, round);
    const listed = listedFirst(this.parts, routed);
    return listed === undefined
      ? this.#send(routed, credential, round)
      : listed.then(() => this.#send(routed, credential, round));
  }

  #send(routed: Routed, credential: BorrowedCredential, round: JsonObject): Promise<void> {
    const request = roundRequest(this.parts.catalogues, routed, round);
    const came = this.#straight.ask(routed, credential, request);
    return came === undefined
      ? this.#follow(routed, credential, request)
      : came.then((one) => this.#goOn(routed, credential, request, one));
  }

  #goOn(
    routed: Routed,
    credential: BorrowedCredential,
    request: BegunRequest,
    came: Came,
  ): void | Promise<void> {
    if (came.kind === 'result') return this.#answer(routed, came, routed.reply.id);
    if (came.kind === 'begun')
      return this.#follow(routed, credential, { ...request, begun: came.called });
  }

  #follow(routed: Routed, credential: BorrowedCredential, request: BegunRequest): Promise<void> {
    const open = this.#open(routed, credential, request);
    return routed.call.client.era === 'modern'
      ? this.#followModern(routed, open)
      : this.#followLegacy(routed, open, credential);
  }

  async #runSubscription(
    routed: Routed,
    credential: BorrowedCredential,
    round: JsonObject,
  ): Promise<void> {
    if (await this.#subscribe(routed, credential)) return;
    const request = roundRequest(this.parts.catalogues, routed, round);
    await this.#follow(routed, credential, request);
  }

  /** Something that every server answers, with the person's credential. */
  look(
    routed: Routed,
    credential: BorrowedCredential,
    params: JsonObject = {},
  ): Promise<PeerAnswer> {
    const { at, call } = routed;
    const asked = {
      ...{ id: requestIds.next(), method: 'tools/list', params, wish: wishOf(routed) },
      signal: AbortSignal.timeout(at.upstream.config.timeoutMs),
    };
    return this.parts.peers.request({ call: at, client: call.client, credential }, asked);
  }

  /** The next round of a call that is open at a legacy upstream. */
  async resume(routed: Routed, handle: string, responses: JsonObject): Promise<void> {
    const { reply, asked, call } = routed;
    const suspended = this.parts.suspended.take(handle, personOf(call.caller));
    if (suspended === undefined) {
      const lost =
        'The call that waited for this answer has ended. Send the request again without requestState.';
      return reply.answer({ ...rpcError(asked.id, -32_602, lost), status: 400 });
    }
    const { open } = suspended;
    open.hearer = this.#hearer(routed);
    for (const [key, request] of suspended.asked) {
      const answer = responses[key];
      request.respond(
        isObject(answer)
          ? { result: answer }
          : { error: { code: -32_000, message: 'Not answered.' } },
      );
    }
    return this.#followModern(routed, open);
  }

  /** A modern upstream knows no such request: it hears of it when its stream is opened again. */
  async #subscribe(routed: Routed, credential: BorrowedCredential): Promise<boolean> {
    const { call, asked, reply } = routed;
    const { client } = call;
    const { uri } = asked.params;
    const change = asked.method === 'resources/subscribe' ? 'add' : 'remove';
    this.parts.subscriptions[change](client.session.nonce, String(uri));
    const era = await this.parts.peers.eraOf({ call: routed.at, client, credential });
    if (era !== 'modern') return false;
    reply.result({});
    return true;
  }

  #open(routed: Routed, credential: BorrowedCredential, request: BegunRequest): OpenCall {
    const at = { call: routed.at, client: routed.call.client, credential };
    const opening = { ...request, undisguise: undisguise(routed) };
    return new OpenCall(this.parts.peers, at, opening, this.#hearer(routed));
  }

  #hearer(routed: Routed): Hearer {
    const { call, reply, target, at } = routed;
    return {
      progressToken: progressTokenOf(routed),
      stream: () => reply.stream(),
      notify: (method, params) => {
        if (method === 'notifications/cancelled')
          return this.parts.questions.withdrawn(
            originOf(call.client.session.nonce, target.slug, params['requestId']),
            params['reason'],
          );
        const message = this.parts.signals.outward(at, call.client, method, params);
        if (message !== undefined) reply.send(message);
      },
    };
  }

  async #followModern(routed: Routed, open: OpenCall): Promise<void> {
    const { call, reply } = routed;
    // Closing the response is the modern way to cancel.
    const leave = (): void => void open.cancel('the client left');
    call.gone.addEventListener('abort', leave, { once: true });
    if (call.gone.aborted) leave();
    let step = await open.next();
    while (step.kind === 'asked' && isNobody(call.caller)) {
      for (const { respond } of step.requests) respond({ error: asksNobody });
      step = await open.next();
    }
    call.gone.removeEventListener('abort', leave);
    if (step.kind === 'asked') return this.#suspend(routed, open, step.requests);
    return this.#answer(routed, step.answer, reply.id);
  }

  #suspend(routed: Routed, open: OpenCall, requests: readonly ServerRequest[]): void {
    const { call, asked, target, reply } = routed;
    const named = requests.map((request, i) => [`request-${i}`, request] as const);
    const person = personOf(call.caller);
    const handle = this.parts.suspended.suspend({ person, open, asked: new Map(named) });
    if (handle === undefined) {
      void open.cancel();
      return reply.answer(rpcError(asked.id, -32_000, 'Too many calls of yours wait for answers.'));
    }
    const inputRequests = Object.fromEntries(
      named.map(([key, request]) => [key, outwardQuestion(call.client, target.slug, request)]),
    );
    return this.#inputRequired(routed, inputRequests, { kind: 'suspended', handle });
  }

  #inputRequired(
    { call, asked, target, reply }: Routed,
    inputRequests: unknown,
    pause: Parameters<Pauses['seal']>[4],
  ): void {
    const { upstream } = target.visible;
    const requestState = this.parts.pauses.seal(call, upstream, asked, stateSeconds, pause);
    reply.result({
      resultType: 'input_required',
      ...(inputRequests === undefined ? {} : { inputRequests }),
      requestState,
    });
  }

  async #followLegacy(
    routed: Routed,
    first: OpenCall,
    credential: BorrowedCredential,
  ): Promise<void> {
    const { call, reply, asked } = routed;
    const { nonce } = call.client.session;
    const stop = new AbortController();
    const place = this.parts.active.enter(nonce, asked.id, first, () => {
      stop.abort();
      reply.close();
    });
    let open = first;
    // A disconnect is not a cancellation, but nobody reads on for ever.
    let late: NodeJS.Timeout | undefined;
    const leave = (): void => {
      late = setTimeout(() => {
        stop.abort();
        void open.cancel('the client left');
      }, routed.at.upstream.config.timeoutMs);
    };
    call.gone.addEventListener('abort', leave, { once: true });
    if (call.gone.aborted) leave();
    try {
      for (let round = 0; round < mostRounds;) {
        const step = await open.next();
        if (step.kind === 'asked') {
          this.#questions.askAll(routed, step.requests, stop.signal);
          continue;
        }
        const answers = reply.isOpen
          ? await this.#questions.answersFor(routed, step.answer, stop.signal)
          : undefined;
        if (answers === undefined) return this.#answer(routed, step.answer, reply.id);
        round += 1;
        const next = roundRequest(this.parts.catalogues, routed, answers);
        open = this.#open(routed, credential, next);
        place.replace(open);
      }
      reply.answer(rpcError(asked.id, -32_603, 'The server asks again and again.'));
    } finally {
      clearTimeout(late);
      call.gone.removeEventListener('abort', leave);
      stop.abort();
      place.leave();
    }
  }

  #outward({ call, asked, target: { slug } }: Routed, result: JsonObject): JsonObject {
    const own = this.parts.tasks.outward(call.caller, slug, asked.method, result);
    return outwardResult(call.client, slug, asked.method, own);
  }

  #answer(routed: Routed, answer: PeerAnswer, id: string | number): void {
    const { call, asked, target, reply } = routed;
    const { client } = call;
    switch (answer.kind) {
      case 'result': {
        const { result } = answer;
        if (result['resultType'] !== 'input_required')
          return reply.result(this.#outward(routed, result));
        const { requestState } = result;
        const state = typeof requestState === 'string' ? { requestState } : {};
        return this.#inputRequired(routed, result['inputRequests'], { kind: 'upstream', ...state });
      }
      case 'error': {
        const questions = client.era === 'modern' ? urlQuestions(answer.error) : undefined;
        return questions === undefined
          ? reply.answer(outwardError(client, target.slug, id, answer.error))
          : this.#inputRequired(routed, questions, { kind: 'again' });
      }
      case 'failed':
        return reply.answer(failureAnswer(routed.at, id, answer.failure));
      case 'no-credential':
        return reply.answer(
          this.parts.pauses.answer(call, target.visible.upstream, asked, answer.answer),
        );
    }
  }
}

type BegunRequest = RoundRequest & Pick<PeerRequest, 'begun'>;

function isSubscription({ asked }: Routed): boolean {
  return asked.method === 'resources/subscribe' || asked.method === 'resources/unsubscribe';
}
