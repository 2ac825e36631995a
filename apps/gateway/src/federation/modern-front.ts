import { z } from 'zod';
import { EventStream } from '../mcp/event-stream.js';
import { metaKey, modernVersion } from '../mcp/era.js';
import { isObject, type JsonObject } from '../mcp/message.js';
import { isNobody } from '../mcp/guest.js';
import type { OpenStreams } from '../mcp/open-streams.js';
import { result, rpcError, writeAnswer, type RpcAnswer } from '../mcp/rpc-answer.js';
import { printExact } from './exact-json.js';
import type { FederatedCall } from './federated-call.js';
import type { FederatedCalls } from './federated-calls.js';
import type { FederatedStreams } from './federated-streams.js';
import type { JoinedLists } from './joined-lists.js';
import type { LegacySessions } from './legacy-sessions.js';
import { allChanges, changedMethod, isListMethod, type Changes } from './list-kinds.js';
import type { Asked } from './pauses.js';
import { serverInfo, instructionsFor } from './own-profile.js';
import type { JoinedUpstreams } from './joined-upstreams.js';
import { Reply } from './reply.js';
import { knowsTasks, lacksTasks, tasksExtension, type TaskIds } from './task-ids.js';
import { TaskNews } from './task-news.js';
import { readUri } from './uris.js';

const forOneUpstream = new Set([
  'tools/call',
  'prompts/get',
  'resources/read',
  'completion/complete',
]);
/** SEP-2663: methods of an extension that the client must have declared with this very request. */
const ofTasks = new Set(['tasks/get', 'tasks/update', 'tasks/cancel']);
const acknowledged = 'notifications/subscriptions/acknowledged';
const filter = z.object({
  toolsListChanged: z.boolean().optional(),
  promptsListChanged: z.boolean().optional(),
  resourcesListChanged: z.boolean().optional(),
  resourceSubscriptions: z.array(z.string()).max(1_000).optional(),
  taskIds: z.array(z.string()).max(1_000).optional(),
});

/** Revision 2026-07-28 at the joined endpoint. */
export class ModernFront {
  constructor(
    private readonly parts: {
      readonly joined: JoinedUpstreams;
      readonly lists: JoinedLists;
      readonly calls: FederatedCalls;
      readonly streams: FederatedStreams;
      readonly open: OpenStreams;
      readonly sessions: LegacySessions;
      readonly tasks: TaskIds;
      /** How long an acknowledgement waits for the slowest upstream. */
      readonly deadlineMs: number;
    },
  ) {}

  serve(call: FederatedCall, asked: Asked): void | Promise<void> {
    const reply = new Reply(call.response, asked.id);
    const serving = forOneUpstream.has(asked.method)
      ? this.parts.calls.serve(call, asked, reply)
      : this.#serveHere(call, asked, reply);
    return isNobody(call.caller) ? this.#endAfter(call, serving) : serving;
  }

  async #endAfter(call: FederatedCall, serving: void | Promise<void>): Promise<void> {
    await serving;
    void this.parts.sessions.endAll(call);
  }

  async #serveHere(call: FederatedCall, asked: Asked, reply: Reply): Promise<void> {
    const { id, method, params } = asked;
    if (isListMethod(method)) {
      const list = await this.parts.lists.list(call, method, params['cursor']);
      if (list !== undefined) return reply.resultBytes(list);
      return reply.answer(rpcError(id, -32_602, 'Invalid params: this cursor leads nowhere.'));
    }
    if (ofTasks.has(method))
      return knowsTasks(call.client)
        ? this.parts.calls.serve(call, asked, reply)
        : reply.answer(refusedTasks(id));
    if (method === 'server/discover') return reply.answer(result(id, this.#discovered(call)));
    if (method === 'subscriptions/listen') return this.#listen(call, asked);
    return reply.answer({ ...rpcError(id, -32_601, 'Method not found.'), status: 404 });
  }

  #discovered(call: FederatedCall): JsonObject {
    return {
      resultType: 'complete',
      supportedVersions: [modernVersion],
      capabilities: {
        tools: { listChanged: true },
        prompts: { listChanged: true },
        resources: { listChanged: true, subscribe: true },
        completions: {},
        logging: {},
        // Whose tools become tasks says each of them, by the result.
        extensions: { [tasksExtension]: {} },
      },
      instructions: instructionsFor(this.parts.joined.visible(call.caller)),
      ttlMs: 0,
      cacheScope: 'private',
      _meta: { [metaKey.serverInfo]: serverInfo },
    };
  }

  async #listen(call: FederatedCall, { id, params }: Asked): Promise<void> {
    const wanted = filter.safeParse(params['notifications']);
    if (!wanted.success) {
      const detail = 'Invalid params: notifications is missing or malformed.';
      return writeAnswer(call.response, rpcError(id, -32_602, detail));
    }
    const { taskIds } = wanted.data;
    if (taskIds !== undefined && !knowsTasks(call.client))
      return writeAnswer(call.response, refusedTasks(id));
    const place = this.parts.open.open(call, id);
    if (place === undefined) return;
    const stream = new EventStream(call.response);
    const write = stampedBy(id, stream);
    const uris = new Set((wanted.data.resourceSubscriptions ?? []).filter((uri) => readUri(uri)));
    const kinds = allChanges.filter((kind) => wanted.data[flagOf(kind)] === true);
    const acknowledge = (agreed: readonly string[]): void => {
      const notifications = {
        ...Object.fromEntries(kinds.map((kind) => [flagOf(kind), true])),
        ...(uris.size === 0 ? {} : { resourceSubscriptions: [...uris] }),
        ...(agreed.length === 0 ? {} : { taskIds: agreed }),
      };
      write({ jsonrpc: '2.0', method: acknowledged, params: { notifications } });
    };
    const tasks = this.#taskNews(call, taskIds);
    const send = tasks === undefined ? write : this.#afterwards(tasks, acknowledge, write);
    if (tasks === undefined) acknowledge([]);
    await this.parts.streams.serve(call, stream, {
      ...{ send, tasks },
      listsChanged: (changes) => {
        for (const kind of changes.filter((one) => kinds.includes(one)))
          send({ jsonrpc: '2.0', method: changedMethod(kind) });
      },
      wants: (uri) => uris.has(uri),
      subscribed: (slug) =>
        [...uris].flatMap((uri) => {
          const own = readUri(uri);
          return own?.slug === slug ? [own.uri] : [];
        }),
      onSubscribed: () => () => undefined,
    });
    place.leave();
  }

  #taskNews(call: FederatedCall, taskIds: readonly string[] = []): TaskNews | undefined {
    const { joined, tasks } = this.parts;
    const found = taskIds.filter((id) => {
      const own = tasks.read(call.caller, id);
      return own !== undefined && joined.find(call.caller, own.slug) !== undefined;
    });
    return found.length === 0 ? undefined : new TaskNews(tasks, call.caller, found);
  }

  /** Sends what there is after the acknowledgement, which waits for the servers of the tasks. */
  #afterwards(
    tasks: TaskNews,
    acknowledge: (agreed: readonly string[]) => void,
    write: (message: JsonObject) => void,
  ): (message: JsonObject) => void {
    let held: JsonObject[] | undefined = [];
    void tasks.agreed(this.parts.deadlineMs).then((agreed) => {
      acknowledge(agreed);
      for (const message of held ?? []) write(message);
      held = undefined;
    });
    return (message) => {
      if (held === undefined) write(message);
      else held.push(message);
    };
  }
}

function refusedTasks(id: string | number): RpcAnswer {
  const { code, message, data } = lacksTasks;
  return { ...rpcError(id, code, message, data), status: 400 };
}

function stampedBy(id: string | number, stream: EventStream): (message: JsonObject) => void {
  const _meta = { [metaKey.subscriptionId]: id };
  return (message) => {
    const own = isObject(message['params']) ? message['params'] : {};
    const stamped = { ...message, params: { ...own, _meta } };
    stream.write(`event: message\ndata: ${printExact(stamped)}\n\n`);
  };
}

function flagOf(changes: Changes): `${Changes}ListChanged` {
  return `${changes}ListChanged`;
}
