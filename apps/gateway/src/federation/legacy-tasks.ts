import { isNobody } from '../mcp/guest.js';
import { isObject, type JsonObject } from '../mcp/message.js';
import { personOf } from './federated-call.js';
import { HeldResult } from './held-result.js';
import type { LegacyPeer } from './legacy-peer.js';
import { outwardQuestion } from './outward.js';
import type { Peer, PeerAnswer, PeerCall, PeerRequest, ServerRequest } from './peer.js';
import { requestIds } from './request-ids.js';
import { knowsTasks, lacksTasks, relatedKey, relatedTask } from './task-ids.js';

const mostPerPerson = 16;
const most = 2_000;
const acknowledged: PeerAnswer = { kind: 'result', result: { resultType: 'complete' } };
const tooMany: PeerAnswer = {
  kind: 'error',
  error: { code: -32_000, message: 'Too many tasks of yours wait for answers.' },
};

/**
 * A legacy server for modern clients: its tasks (2025-11-25) as those of the extension (SEP-2663). A call becomes a task
 * where the server takes it as nothing else: its list says so (`task`, see roundRequest), or its refusal. What `tasks/result` says, answers and questions, becomes part of `tasks/get`.
 */
export class LegacyTasks implements Peer {
  readonly #held = new Map<string, HeldResult>();

  constructor(private readonly legacy: LegacyPeer) {}

  request(at: PeerCall, request: PeerRequest): Promise<PeerAnswer> {
    switch (request.method) {
      case 'tools/call':
        return this.#call(at, request);
      case 'tasks/get':
        return this.#get(at, request);
      case 'tasks/update':
        return this.#update(at, request);
      case 'tasks/cancel':
        return this.#cancel(at, request);
      default:
        return this.legacy.request(at, request);
    }
  }

  /** A question on another stream than the task's: true where it is kept for the client's next `tasks/get`. */
  hears(at: PeerCall, question: ServerRequest): boolean {
    const taskId = relatedTask(question.params);
    const held = taskId === undefined ? undefined : this.#hold(at, taskId);
    held?.ask(question);
    return held !== undefined;
  }

  async #call(at: PeerCall, request: PeerRequest): Promise<PeerAnswer> {
    if (request.params['task'] !== undefined) return this.#begin(at, request);
    const answer = await this.legacy.request(at, request);
    if (!wantsTask(answer) || isNobody(at.call.caller)) return answer;
    if (!(await this.#runsTools(at, request))) return answer;
    if (knowsTasks(at.client)) return this.#begin(at, request);
    return answer.error.code === notFound ? { kind: 'error', error: lacksTasks } : answer;
  }

  async #begin(at: PeerCall, request: PeerRequest): Promise<PeerAnswer> {
    const begun = await this.#ask(at, request, 'tools/call', { ...request.params, task: {} });
    const task = begun.kind === 'result' ? begun.result['task'] : undefined;
    if (begun.kind !== 'result' || !isObject(task)) return begun;
    return { kind: 'result', result: { ...modernTask(task), resultType: 'task' } };
  }

  async #runsTools(at: PeerCall, request: PeerRequest): Promise<boolean> {
    const opened = await this.legacy.open(at, request);
    const tasks = opened.kind === 'open' ? opened.session.capabilities?.['tasks'] : undefined;
    const requests = isObject(tasks) ? tasks['requests'] : undefined;
    return isObject(requests) && isObject(requests['tools']) && isObject(requests['tools']['call']);
  }

  async #get(at: PeerCall, request: PeerRequest): Promise<PeerAnswer> {
    const taskId = String(request.params['taskId']);
    const got = await this.#ask(at, request, 'tasks/get', { taskId });
    if (got.kind !== 'result') return got;
    if (got.result['status'] !== 'input_required') return this.#state(at, request, got.result);
    const held = this.#hold(at, taskId);
    if (held === undefined) return tooMany;
    await held.heard(request.signal);
    if (!held.isOver) return this.#state(at, request, got.result);
    const now = await this.#ask(at, request, 'tasks/get', { taskId });
    return now.kind === 'result' ? this.#state(at, request, now.result) : now;
  }

  /** A task as `tasks/get` of the extension gives it. */
  async #state(at: PeerCall, request: PeerRequest, task: JsonObject): Promise<PeerAnswer> {
    const taskId = String(request.params['taskId']);
    const common = { ...modernTask(task), resultType: 'complete' };
    const { status } = task;
    if (status === 'completed' || status === 'failed') {
      const answer = await this.#ask(at, request, 'tasks/result', { taskId });
      return ended(common, answer);
    }
    const asked = this.#held.get(keyOf(at, taskId))?.questions ?? new Map<string, ServerRequest>();
    if (status === 'cancelled') return { kind: 'result', result: common };
    if (asked.size === 0) return { kind: 'result', result: { ...common, status: 'working' } };
    const { slug } = at.call.upstream.config;
    const inputRequests = Object.fromEntries(
      [...asked].map(([key, { method, params }]) => {
        const own = { method, params: withoutRelated(params) };
        return [key, outwardQuestion(at.client, slug, own)];
      }),
    );
    return { kind: 'result', result: { ...common, status: 'input_required', inputRequests } };
  }

  /** Answers to what is not asked any more are ignored, as SEP-2663 wants it. */
  async #update(at: PeerCall, request: PeerRequest): Promise<PeerAnswer> {
    const { taskId, inputResponses } = request.params;
    const known = await this.#ask(at, request, 'tasks/get', { taskId });
    if (known.kind !== 'result') return known;
    const held = this.#held.get(keyOf(at, String(taskId)));
    for (const [key, answer] of Object.entries(isObject(inputResponses) ? inputResponses : {}))
      held?.answer(key, isObject(answer) ? { result: answer } : undefined);
    return acknowledged;
  }

  /** Only an intent in the extension: one that comes too late, or to a server that cancels nothing, is acknowledged too. */
  async #cancel(at: PeerCall, request: PeerRequest): Promise<PeerAnswer> {
    const { taskId } = request.params;
    this.#held.get(keyOf(at, String(taskId)))?.stop();
    const answer = await this.#ask(at, request, 'tasks/cancel', { taskId });
    if (answer.kind === 'result') return acknowledged;
    if (answer.kind !== 'error') return answer;
    const known = await this.#ask(at, request, 'tasks/get', { taskId });
    return known.kind === 'result' ? acknowledged : known;
  }

  #ask(
    at: PeerCall,
    { signal, wish }: PeerRequest,
    method: string,
    params: JsonObject,
  ): Promise<PeerAnswer> {
    return this.legacy.request(at, { id: requestIds.next(), method, params, signal, wish });
  }

  /** The `tasks/result` that is open for this task; undefined where there are too many. */
  #hold(at: PeerCall, taskId: string): HeldResult | undefined {
    const key = keyOf(at, taskId);
    const known = this.#held.get(key);
    if (known !== undefined) return known;
    const person = personOf(at.call.caller);
    const own = [...this.#held.keys()].filter((one) => one.startsWith(person));
    if (own.length >= mostPerPerson || this.#held.size >= most) return undefined;
    const held = new HeldResult(taskId, () => this.#held.delete(key));
    this.#held.set(key, held);
    held.follow((request) => this.legacy.request(at, request));
    return held;
  }
}

const notFound = -32_601;

/** -32601 is what a server must answer that takes a tool as a task only, -32600 what it may. */
function wantsTask(answer: PeerAnswer): answer is Extract<PeerAnswer, { kind: 'error' }> {
  return (
    answer.kind === 'error' && (answer.error.code === notFound || answer.error.code === -32_600)
  );
}

function keyOf({ call, client }: PeerCall, taskId: string): string {
  const { slug } = call.upstream.config;
  return `${personOf(call.caller)} ${JSON.stringify([client.session.nonce, slug, taskId])}`;
}

function modernTask({ ttl = null, pollInterval, _meta, ...task }: JsonObject): JsonObject {
  const paced = pollInterval === undefined ? {} : { pollIntervalMs: pollInterval };
  return { ...task, ttlMs: ttl, ...paced };
}

/** What fails in the extension is the request and not its tool. */
function ended(task: JsonObject, answer: PeerAnswer): PeerAnswer {
  if (answer.kind === 'result') {
    const result = withoutRelated(answer.result);
    return { kind: 'result', result: { ...task, status: 'completed', result } };
  }
  if (answer.kind !== 'error') return answer;
  return { kind: 'result', result: { ...task, status: 'failed', error: answer.error } };
}

function withoutRelated(value: JsonObject): JsonObject {
  if (relatedTask(value) === undefined) return value;
  const { _meta, ...rest } = value;
  const { [relatedKey]: about, ...meta } = isObject(_meta) ? _meta : {};
  return Object.keys(meta).length === 0 ? rest : { ...rest, _meta: meta };
}
