import { borrow } from '../mcp/borrow.js';
import type { McpDeps } from '../mcp/mcp-call.js';
import { isObject, type JsonObject } from '../mcp/message.js';
import { listDeadlineMs } from './catalogues.js';
import { callAt, type FederatedCall } from './federated-call.js';
import { openCursor, sealCursor } from './federated-state.js';
import { inTime } from '#lib/process/in-time';
import { unavailableKey } from './joined-lists.js';
import type { JoinedUpstreams, VisibleUpstream } from './joined-upstreams.js';
import type { PeerCall } from './peer.js';
import type { Peers } from './peers.js';
import { requestIds } from './request-ids.js';
import type { TaskIds } from './task-ids.js';

const method = 'tasks/list';

interface Part {
  readonly slug: string;
  readonly tasks: readonly JsonObject[];
  readonly cursor?: string;
  readonly away?: true;
}

/** The tasks that a legacy client has at its upstreams, in the order of the slugs: asked anew each time, and never kept. */
export class TaskLists {
  constructor(
    private readonly deps: McpDeps & { readonly listDeadlineMs?: number },
    private readonly joined: JoinedUpstreams,
    private readonly peers: Peers,
    private readonly ids: TaskIds,
  ) {}

  /** The result; undefined for a cursor that was not given out for this list to this person. */
  async list(call: FederatedCall, cursor: unknown): Promise<JsonObject | undefined> {
    const { sealer } = this.deps;
    const from = cursor === undefined ? undefined : openCursor(sealer, call.caller, method, cursor);
    if (cursor !== undefined && from === undefined) return undefined;
    const asked = this.joined
      .visible(call.caller)
      .filter(({ access }) => access.kind === 'allowed')
      .filter(({ upstream }) => from === undefined || Object.hasOwn(from, upstream.config.slug))
      .map((one) => this.#part(call, one, from?.[one.upstream.config.slug]));
    const parts = await Promise.all(asked);
    const away = parts.filter((part) => part.away).map(({ slug }) => slug);
    const cursors = parts.flatMap((part) =>
      part.cursor === undefined ? [] : [[part.slug, part.cursor] as const],
    );
    const further = Object.fromEntries(cursors);
    return {
      tasks: parts.flatMap(({ tasks }) => tasks),
      ...(cursors.length === 0
        ? {}
        : { nextCursor: sealCursor(sealer, call.caller, method, further) }),
      ...(away.length === 0 ? {} : { _meta: { [unavailableKey]: away } }),
    };
  }

  async #part(call: FederatedCall, visible: VisibleUpstream, cursor?: string): Promise<Part> {
    const { slug } = visible.upstream.config;
    const asked = this.#ask(call, visible, cursor);
    const ms = this.deps.listDeadlineMs ?? listDeadlineMs;
    return (await inTime(asked, ms)) ?? { slug, tasks: [], away: true };
  }

  async #ask(call: FederatedCall, { upstream }: VisibleUpstream, cursor?: string): Promise<Part> {
    const { slug, timeoutMs } = upstream.config;
    const none = { slug, tasks: [] };
    const wish = { interaction: 'none' } as const;
    const at = callAt(call, upstream);
    const credential = await borrow(this.deps, at, wish);
    if (credential.kind !== 'credential') return none;
    const peer = { call: at, client: call.client, credential };
    if (!(await this.#listsTasks(peer))) return none;
    const answer = await this.peers.legacy.request(peer, {
      ...{ id: requestIds.next(), method, params: cursor === undefined ? {} : { cursor }, wish },
      signal: AbortSignal.timeout(timeoutMs),
    });
    if (answer.kind !== 'result') return { ...none, away: true };
    const { tasks, nextCursor } = answer.result;
    const own = (Array.isArray(tasks) ? tasks : []).filter(isObject);
    return {
      slug,
      tasks: own.map((task) => this.ids.outward(call.caller, slug, method, task)),
      ...(typeof nextCursor === 'string' ? { cursor: nextCursor } : {}),
    };
  }

  async #listsTasks(at: PeerCall): Promise<boolean> {
    if ((await this.peers.eraOf(at)) !== 'legacy') return false;
    const opened = await this.peers.legacy.open(at, { wish: { interaction: 'none' } });
    const tasks = opened.kind === 'open' ? opened.session.capabilities?.['tasks'] : undefined;
    return isObject(tasks) && isObject(tasks['list']);
  }
}
