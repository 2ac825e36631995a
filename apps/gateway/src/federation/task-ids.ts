import type { Caller } from '#lib/jwt/caller';
import { isObject, type JsonObject } from '../mcp/message.js';
import type { StateSealer } from '../sealed-state.js';
import { federatedRoute, ownerOf } from './federated-state.js';
import type { ClientProfile } from './federated-call.js';
import type { RpcFault, ServerRequestAnswer } from './peer.js';

export const tasksExtension = 'io.modelcontextprotocol/tasks';
/** SEP-2663: a task as `tasks/get` would give it, on `subscriptions/listen` only. */
export const taskChanged = 'notifications/tasks';
/** In `_meta`: of which task something is (2025-11-25). */
export const relatedKey = 'io.modelcontextprotocol/related-task';
const speakOfOne = new Set([
  'tasks/get',
  'tasks/cancel',
  'tasks/list',
  'notifications/tasks/status',
  taskChanged,
]);
const joinedId = /^([a-z0-9][a-z0-9-]*):([A-Za-z0-9_-]{22}):(.+)$/s;

export interface OwnTask {
  readonly slug: string;
  readonly taskId: string;
}

/**
 * The ids of tasks (2025-11-25, and SEP-2663) of several upstreams: `<slug>:<tag>:<its own>`. Without the tag, which is this person's
 * through this application, the id of a task is nobody's: at an upstream with one account for all, a guess would be enough.
 */
export class TaskIds {
  constructor(private readonly sealer: StateSealer) {}

  joined(caller: Caller, slug: string, taskId: string): string {
    return `${slug}:${this.#tags(caller, slug, taskId)[0]}:${taskId}`;
  }

  read(caller: Caller, id: unknown): OwnTask | undefined {
    const [, slug, tag, taskId] = typeof id === 'string' ? (joinedId.exec(id) ?? []) : [];
    if (slug === undefined || tag === undefined || taskId === undefined) return undefined;
    return this.#tags(caller, slug, taskId).includes(tag) ? { slug, taskId } : undefined;
  }

  /** A result, or the params of a notification or a question, of an upstream. */
  outward(caller: Caller, slug: string, method: string, value: JsonObject): JsonObject {
    const own = (one: JsonObject): JsonObject => this.#task(caller, slug, one);
    const { task, _meta: meta } = value;
    const about = isObject(meta) ? meta[relatedKey] : undefined;
    return {
      ...(speakOfOne.has(method) || value['resultType'] === 'task' ? own(value) : value),
      ...(method === 'tools/call' && isObject(task) ? { task: own(task) } : {}),
      ...(isObject(meta) && isObject(about)
        ? { _meta: { ...meta, [relatedKey]: own(about) } }
        : {}),
    };
  }

  /** A client's answer to a question that belongs to a task. */
  inward(caller: Caller, answer: ServerRequestAnswer): ServerRequestAnswer {
    if (!('result' in answer) || !isObject(answer.result)) return answer;
    const { _meta: meta } = answer.result;
    const about = isObject(meta) ? meta[relatedKey] : undefined;
    const own = isObject(about) ? this.read(caller, about['taskId']) : undefined;
    if (!isObject(meta) || own === undefined) return answer;
    const _meta = { ...meta, [relatedKey]: { taskId: own.taskId } };
    return { result: { ...answer.result, _meta } };
  }

  #task(caller: Caller, slug: string, value: JsonObject): JsonObject {
    const { taskId } = value;
    return typeof taskId === 'string'
      ? { ...value, taskId: this.joined(caller, slug, taskId) }
      : value;
  }

  #tags(caller: Caller, slug: string, taskId: string): readonly [string, ...string[]] {
    const { issuer, subject, application } = ownerOf(caller);
    const text = JSON.stringify([issuer, subject, application, slug, taskId]);
    return this.sealer.tags('federated-task', federatedRoute, text);
  }
}

/** The task that a question or a result is about. */
export function relatedTask({ _meta: meta }: JsonObject): string | undefined {
  const about = isObject(meta) ? meta[relatedKey] : undefined;
  const taskId = isObject(about) ? about['taskId'] : undefined;
  return typeof taskId === 'string' ? taskId : undefined;
}

/** Whether the client has declared the extension with this request (modern), which none did before it was one. */
export function knowsTasks({ capabilities }: Pick<ClientProfile, 'capabilities'>): boolean {
  const { extensions } = capabilities;
  return isObject(extensions) && isObject(extensions[tasksExtension]);
}

/** SEP-2663: what a client must declare for this. */
export const lacksTasks: RpcFault = {
  code: -32_021,
  message: `This takes a client that declares ${tasksExtension}.`,
  data: { requiredCapabilities: { extensions: { [tasksExtension]: {} } } },
};
