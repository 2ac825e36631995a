import { setTimeout as sleep } from 'node:timers/promises';
import { isObject, type JsonObject } from '../mcp/message.js';
import type { ModernPeer } from './modern-peer.js';
import {
  isFault,
  notMcpAnswer,
  type Peer,
  type PeerAnswer,
  type PeerCall,
  type PeerRequest,
} from './peer.js';
import { requestIds } from './request-ids.js';
import { tasksExtension } from './task-ids.js';

const [shortestPauseMs, usualPauseMs, longestPauseMs] = [10, 1_000, 60_000];
const mostFailures = 3;

const serverDecides: PeerAnswer = {
  kind: 'error',
  error: {
    code: -32_601,
    message:
      'This tool cannot be called as a task: at its server, of revision 2026-07-28, the server decides which calls become one. Call it without "task".',
  },
};
const notHere: PeerAnswer = {
  kind: 'error',
  error: {
    code: -32_602,
    message: 'This task was begun by a client of revision 2026-07-28, and goes on with such a one.',
  },
};

/**
 * A modern server for legacy clients: a call that it takes as a task only (SEP-2663) is followed here to its end, as one
 * request to the client. Tasks of their own they cannot have there: the client cannot ask for one, the server need not make it.
 */
export class ModernTasks implements Peer {
  constructor(private readonly modern: ModernPeer) {}

  async request(at: PeerCall, request: PeerRequest): Promise<PeerAnswer> {
    const { method, params } = request;
    if (method.startsWith('tasks/')) return notHere;
    if (method !== 'tools/call') return this.modern.request(at, request);
    if (params['task'] !== undefined) return serverDecides;
    const answer = await this.modern.request(at, request);
    if (!isTaskOnly(answer)) return answer;
    const declared = { ...at, client: { ...at.client, capabilities: withTasks(at) } };
    const anew = { ...request, id: requestIds.next(), begun: undefined };
    const begun = await this.modern.request(declared, anew);
    if (begun.kind !== 'result' || begun.result['resultType'] !== 'task') return begun;
    request.onStream?.();
    return new FollowedTask(this.modern, declared, request, begun.result).end();
  }
}

/** One task on its way to its end, on behalf of a request that waits for it. */
class FollowedTask {
  readonly #taskId: unknown;
  readonly #asked = new Set<string>();

  constructor(
    private readonly modern: ModernPeer,
    private readonly at: PeerCall,
    private readonly request: PeerRequest,
    private task: JsonObject,
  ) {
    this.#taskId = task['taskId'];
  }

  async end(): Promise<PeerAnswer> {
    const { signal } = this.request;
    for (let failures = 0; failures < mostFailures;) {
      await sleep(pauseOf(this.task), undefined, { signal }).catch(() => undefined);
      if (signal.aborted) break;
      const got = await this.#send('tasks/get', {}, signal);
      if (got.kind === 'failed') {
        failures += 1;
        continue;
      }
      if (got.kind !== 'result') return got;
      failures = 0;
      this.task = got.result;
      const ended = endOf(this.task);
      if (ended !== undefined) return ended;
      this.#askAll();
    }
    // Nobody waits for it any more.
    void this.#send('tasks/cancel', {}, this.#soon());
    return notMcpAnswer;
  }

  #askAll(): void {
    const { inputRequests } = this.task;
    for (const [key, question] of Object.entries(isObject(inputRequests) ? inputRequests : {})) {
      if (this.#asked.has(key) || !isObject(question)) continue;
      this.#asked.add(key);
      const { method, params } = question;
      this.request.onServerRequest?.({
        ...{ id: key, method: String(method), params: isObject(params) ? params : {} },
        // A client that cannot answer has said no in its way.
        respond: (answer) => {
          const given = 'result' in answer ? answer.result : { action: 'cancel' };
          void this.#send('tasks/update', { inputResponses: { [key]: given } }, this.#soon());
        },
      });
    }
  }

  #send(method: string, params: JsonObject, signal: AbortSignal): Promise<PeerAnswer> {
    return this.modern.request(this.at, {
      ...{ id: requestIds.next(), method, params: { taskId: this.#taskId, ...params }, signal },
      wish: this.request.wish,
    });
  }

  #soon(): AbortSignal {
    return AbortSignal.timeout(this.at.call.upstream.config.timeoutMs);
  }
}

/** What the request would have been answered. */
function endOf({ status, result, error, statusMessage }: JsonObject): PeerAnswer | undefined {
  const said = typeof statusMessage === 'string' ? `: ${statusMessage}` : '.';
  switch (status) {
    case 'completed':
      return isObject(result) ? { kind: 'result', result } : notMcpAnswer;
    case 'failed':
      return isFault(error) ? { kind: 'error', error } : notMcpAnswer;
    case 'cancelled':
      return { kind: 'error', error: { code: -32_000, message: `The task was cancelled${said}` } };
    default:
      return undefined;
  }
}

function pauseOf({ pollIntervalMs }: JsonObject): number {
  const ms = typeof pollIntervalMs === 'number' ? pollIntervalMs : usualPauseMs;
  return Math.min(Math.max(ms, shortestPauseMs), longestPauseMs);
}

function isTaskOnly(answer: PeerAnswer): boolean {
  if (answer.kind !== 'error' || answer.error.code !== -32_021) return false;
  const { data } = answer.error;
  const required = isObject(data) ? data['requiredCapabilities'] : undefined;
  const extensions = isObject(required) ? required['extensions'] : undefined;
  return isObject(extensions) && extensions[tasksExtension] !== undefined;
}

function withTasks({ client: { capabilities } }: PeerCall): JsonObject {
  const { extensions } = capabilities;
  const own = isObject(extensions) ? extensions : {};
  return { ...capabilities, extensions: { ...own, [tasksExtension]: {} } };
}
