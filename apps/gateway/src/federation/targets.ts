import type { JsonObject } from '../mcp/message.js';
import { isObject } from '../mcp/message.js';
import { askingAt, type Asking, type Catalogues } from './catalogues.js';
import type { FederatedCall } from './federated-call.js';
import type { JoinedUpstreams, VisibleUpstream } from './joined-upstreams.js';
import type { ListMethod } from './list-kinds.js';
import type { TaskIds } from './task-ids.js';
import { readUri } from './uris.js';

/** The one upstream that a request is for, and its params as that upstream knows them. */
export interface Target {
  readonly visible: VisibleUpstream;
  readonly slug: string;
  readonly params: JsonObject;
  /** The tool's own name, where a tool is called. */
  readonly tool?: string;
  /** The name had to be looked up among what the upstream lists: it says by itself that there is such a thing. */
  readonly derived?: boolean;
  /** It is the tool that stands for an upstream before consent. */
  readonly connects?: boolean;
}

type Found = Target | undefined;

const mostPages = 50;

/** Where a joined name or URI leads for this caller; what is not theirs to see is as if it were not there. */
export class Targets {
  constructor(
    private readonly joined: JoinedUpstreams,
    private readonly catalogues: Catalogues,
    private readonly tasks: TaskIds,
  ) {}

  /** Without a promise, but where a name has to be looked up. */
  of(call: FederatedCall, method: string, params: JsonObject): Found | Promise<Found> {
    switch (method) {
      case 'tools/call': {
        const target = this.#named(call, 'tools/list', params);
        return target instanceof Promise ? target.then(asTool) : asTool(target);
      }
      case 'prompts/get':
        return this.#named(call, 'prompts/list', params);
      case 'resources/read':
      case 'resources/subscribe':
      case 'resources/unsubscribe':
        return this.#located(call, params);
      case 'tasks/get':
      case 'tasks/result':
      case 'tasks/update':
      case 'tasks/cancel':
        return this.#task(call, params);
      case 'completion/complete':
        return this.#completed(call, params);
      default:
        return undefined;
    }
  }

  async #completed(call: FederatedCall, params: JsonObject): Promise<Target | undefined> {
    const { ref } = params;
    if (!isObject(ref)) return undefined;
    const target =
      ref['type'] === 'ref/resource'
        ? this.#located(call, ref)
        : await this.#named(call, 'prompts/list', ref);
    return target && { ...target, params: { ...params, ref: target.params } };
  }

  #task(call: FederatedCall, params: JsonObject): Target | undefined {
    const own = this.tasks.read(call.caller, params['taskId']);
    const visible = own && this.joined.find(call.caller, own.slug);
    if (own === undefined || visible === undefined) return undefined;
    return { visible, slug: own.slug, params: { ...params, taskId: own.taskId } };
  }

  #located(call: FederatedCall, params: JsonObject): Target | undefined {
    const own = readUri(params['uri']);
    const visible = own && this.joined.find(call.caller, own.slug);
    if (own === undefined || visible === undefined) return undefined;
    return { visible, slug: own.slug, params: { ...params, uri: own.uri } };
  }

  #named(call: FederatedCall, method: ListMethod, params: JsonObject): Found | Promise<Found> {
    const { name } = params;
    const read = typeof name === 'string' ? this.joined.names.read(name) : undefined;
    if (typeof name !== 'string' || read === undefined) return undefined;
    if (read.kind === 'derived') return this.#derived(call, method, params, read.slugs);
    const visible = this.joined.find(call.caller, read.slug);
    if (visible === undefined) return undefined;
    if (read.kind === 'plain')
      return { visible, slug: read.slug, params: { ...params, name: read.name } };
    return method === 'tools/list'
      ? { visible, slug: read.slug, params, connects: true }
      : undefined;
  }

  async #derived(
    call: FederatedCall,
    method: ListMethod,
    params: JsonObject,
    slugs: readonly string[],
  ): Promise<Target | undefined> {
    for (const slug of slugs) {
      const visible = this.joined.find(call.caller, slug);
      if (visible === undefined) continue;
      const own = await this.#ownName(askingAt(call, visible), method, String(params['name']));
      if (own !== undefined)
        return { visible, slug, params: { ...params, name: own }, derived: true };
    }
    return undefined;
  }

  async #ownName(asking: Asking, method: ListMethod, joined: string): Promise<string | undefined> {
    let { page } = await this.catalogues.list(asking, method);
    for (let pages = 0; page !== undefined && pages < mostPages; pages += 1) {
      const found = page.items(this.joined.names).find((item) => item.joined === joined);
      if (found !== undefined) return found.own;
      if (page.cursor === undefined) return undefined;
      ({ page } = await this.catalogues.next(asking, method, page.cursor));
    }
    return undefined;
  }
}

function asTool(target: Found): Found {
  const name = target?.params['name'];
  // Ours, and answered here: no rule of the upstream speaks of it.
  if (target === undefined || target.connects === true) return target;
  return typeof name === 'string' ? { ...target, tool: name } : target;
}
