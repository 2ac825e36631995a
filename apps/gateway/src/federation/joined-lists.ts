import type { McpDeps } from '../mcp/mcp-call.js';
import { takesCredential } from '../mcp/borrow.js';
import { isNobody } from '../mcp/guest.js';
import { isListed } from '../policy/filter-tools.js';
import { askingAt, type Catalogues, type Listed } from './catalogues.js';
import { callAt, whoOf, type FederatedCall } from './federated-call.js';
import { openCursor, sealCursor } from './federated-state.js';
import type { JoinedUpstreams, VisibleUpstream } from './joined-upstreams.js';
import { listKinds, type ListMethod } from './list-kinds.js';
import { connectTool, signInTool } from './own-tools.js';

/** In a result's `_meta`: the slugs of what did not answer. */
export const unavailableKey = 'dev.symbolon/unavailable';

const nothing: Listed = { state: 'listed', page: undefined };

interface Part {
  readonly slug: string;
  /** Its entries, commas between. */
  readonly text: string;
  readonly listed: Listed;
}

const signsIn: Part = { slug: '', text: signInTool, listed: nothing };

/** The lists of all upstreams that the caller may see as one list, in the order of the slugs. */
export class JoinedLists {
  constructor(
    private readonly deps: McpDeps,
    private readonly joined: JoinedUpstreams,
    private readonly catalogues: Catalogues,
  ) {}

  /** The result's JSON; undefined for a cursor that was not given out for this list to this person. */
  async list(
    call: FederatedCall,
    method: ListMethod,
    cursor: unknown,
  ): Promise<string | undefined> {
    const { sealer } = this.deps;
    const from = cursor === undefined ? undefined : openCursor(sealer, call.caller, method, cursor);
    if (cursor !== undefined && from === undefined) return undefined;
    const asked = this.joined
      .visible(call.caller)
      .filter(({ upstream }) => from === undefined || Object.hasOwn(from, upstream.config.slug))
      .map((one) => this.#part(call, method, one, from?.[one.upstream.config.slug]));
    const parts = await allOf(asked);
    return this.#print(
      call,
      method,
      this.#opensMore(call, method, from) ? [...parts, signsIn] : parts,
    );
  }

  /** Somebody who has not signed in is offered to, where there is more to see: no challenge leads there before a call. */
  #opensMore(call: FederatedCall, method: ListMethod, from: unknown): boolean {
    return (
      method === 'tools/list' &&
      from === undefined &&
      isNobody(call.caller) &&
      this.joined.visible(call.caller).length < this.joined.count
    );
  }

  #part(
    call: FederatedCall,
    method: ListMethod,
    visible: VisibleUpstream,
    cursor: string | undefined,
  ): Part | Promise<Part> {
    // Nothing of an upstream but its tools is public.
    if (visible.access.kind === 'guest' && method !== 'tools/list')
      return { slug: visible.upstream.config.slug, text: '', listed: nothing };
    const asking = askingAt(call, visible);
    const listed =
      cursor === undefined
        ? this.catalogues.list(asking, method)
        : this.catalogues.next(asking, method, cursor);
    return listed instanceof Promise
      ? listed.then((one) => this.#shown(call, method, visible, one))
      : this.#shown(call, method, visible, listed);
  }

  #shown(
    call: FederatedCall,
    method: ListMethod,
    { upstream, access }: VisibleUpstream,
    listed: Listed,
  ): Part {
    const { config } = upstream;
    const gate =
      method === 'tools/list' ? upstream.toolGate?.beside(this.deps.inventory) : undefined;
    const { page } = listed;
    const names = this.joined.names;
    const connects =
      page === undefined && listed.state === 'unconnected' && access.kind !== 'guest';
    if (connects && method === 'tools/list' && takesCredential(callAt(call, upstream)))
      return { slug: config.slug, text: connectTool(config.slug, config.name), listed };
    const text =
      gate === undefined
        ? page?.text(names)
        : page
            ?.items(names)
            .filter(({ own }) => isListed(gate.decide(whoOf(call), own)))
            .map((item) => item.text)
            .join(',');
    return { slug: config.slug, text: text ?? '', listed };
  }

  #print(call: FederatedCall, method: ListMethod, parts: readonly Part[]): string {
    const texts = parts.map(({ text }) => text).filter((text) => text !== '');
    const cursors = parts.flatMap(({ slug, listed }) =>
      listed.state === 'listed' && listed.page?.cursor !== undefined
        ? [[slug, listed.page.cursor] as const]
        : [],
    );
    const away = parts.filter(({ listed }) => listed.state === 'unavailable');
    const more =
      cursors.length === 0
        ? {}
        : {
            nextCursor: sealCursor(
              this.deps.sealer,
              call.caller,
              method,
              Object.fromEntries(cursors),
            ),
          };
    const marked =
      away.length === 0 ? {} : { _meta: { [unavailableKey]: away.map(({ slug }) => slug) } };
    const era =
      call.client.era === 'modern'
        ? { resultType: 'complete', ttlMs: ttlOf(parts), cacheScope: 'private' }
        : {};
    const rest = JSON.stringify({ ...more, ...marked, ...era }).slice(1, -1);
    const list = `"${listKinds[method].member}":[${texts.join(',')}]`;
    return `{${list}${rest === '' ? '' : `,${rest}`}}`;
  }
}

/** Without a turn of the event loop where everything is known already. */
function allOf(
  parts: readonly (Part | Promise<Part>)[],
): readonly Part[] | Promise<readonly Part[]> {
  const known = parts.filter((part): part is Part => !(part instanceof Promise));
  if (known.length === parts.length) return known;
  return Promise.all(parts.map(async (part) => part));
}

function ttlOf(parts: readonly Part[]): number {
  const all = parts.map(({ listed }) =>
    listed.state === 'listed' ? (listed.page?.ttlMs ?? 0) : 0,
  );
  return all.length === 0 ? 0 : Math.min(...all);
}
