import { isObject, type JsonObject } from '../mcp/message.js';
import { outwardQuestion } from './outward.js';
import type { PeerAnswer, ServerRequest, ServerRequestAnswer } from './peer.js';
import type { RoundParts } from './round-parts.js';
import type { Routed } from './routed.js';
import { originOf } from './server-requests.js';

/** What upstreams of either era ask, asked of a legacy client on the stream of its call. */
export class ClientQuestions {
  constructor(private readonly parts: Pick<RoundParts, 'questions' | 'tasks'>) {}

  /** What a legacy upstream asks while it works. */
  askAll(routed: Routed, requests: readonly ServerRequest[], signal: AbortSignal): void {
    for (const request of requests)
      void this.#ask(routed, request, request.id, signal).then(request.respond);
  }

  #ask(
    { call, target, reply }: Routed,
    question: { readonly method: string; readonly params: JsonObject },
    id: unknown,
    signal: AbortSignal,
  ): Promise<ServerRequestAnswer> {
    const { nonce } = call.client.session;
    const origin = originOf(nonce, target.slug, id);
    const { questions, tasks } = this.parts;
    const { method, params } = outwardQuestion(call.client, target.slug, question);
    const own = tasks.outward(call.caller, target.slug, method, params);
    return questions
      .ask(nonce, { origin, method, params: own }, (message) => reply.send(message), signal)
      .then((answer) => tasks.inward(call.caller, answer));
  }

  /** What a modern upstream asks, asked of a legacy client: the next round's answers, or undefined where it asks nothing. */
  async answersFor(
    routed: Routed,
    answer: PeerAnswer,
    signal: AbortSignal,
  ): Promise<JsonObject | undefined> {
    if (answer.kind !== 'result' || answer.result['resultType'] !== 'input_required')
      return undefined;
    const { inputRequests, requestState } = answer.result;
    const state = requestState === undefined ? {} : { requestState };
    if (!isObject(inputRequests)) return state;
    const asked = Object.entries(inputRequests).map(async ([key, request]) => {
      if (!isObject(request) || typeof request['method'] !== 'string') return undefined;
      const params = isObject(request['params']) ? request['params'] : {};
      const given = await this.#ask(routed, { method: request['method'], params }, key, signal);
      // A client that cannot answer has said no in its way.
      return [key, 'result' in given ? given.result : { action: 'cancel' }] as const;
    });
    const answers = (await Promise.all(asked)).filter((one) => one !== undefined);
    return { ...state, inputResponses: Object.fromEntries(answers) };
  }
}
