import type { McpDeps } from '../mcp/mcp-call.js';
import { takesCredential } from '../mcp/borrow.js';
import { isNobody } from '../mcp/guest.js';
import { isListed } from '../policy/filter-tools.js';
import { askingAt, type Catalogues, type Listed } from './catalogues.js';
import { callAt, personOf, whoOf, type FederatedCall } from './federated-call.js';
import { openCursor, sealCursor } from './federated-state.js';
import type { JoinedUpstreams, VisibleUpstream } from './joined-upstreams.js';
import { listKinds, type ListMethod } from './list-kinds.js';
import { connectTool, signInTool } from './own-tools.js';
import { PrintedLists, type Source } from './printed-lists.js';

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
  readonly #printed = new PrintedLists();

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
  ): Promise<Buffer | undefined> {
    const { sealer } = this.deps;
    const from = cursor === undefined ? undefined : openCursor(sealer, call.caller, method, cursor);
    if (cursor !== undefined && from === undefined) return undefined;
    const asked = this.joined
      .visible(call.caller)
      .filter(({ upstream }) => from === undefined || Object.hasOwn(from, upstream.config.slug))
      .map((one) => this.#source(call, method, one, from?.[one.upstream.config.slug]));
    const sources = await allOf(asked);
    return from === undefined
      ? this.#printedOnce(call, method, sources)
      : Buffer.from(this.#print(call, method, this.#parts(call, method, sources)));
  }

  #source(
    call: FederatedCall,
    method: ListMethod,
    visible: VisibleUpstream,
    cursor: string | undefined,
  ): Source | Promise<Source> {
    const { upstream, access } = visible;
    // Nothing of an upstream but its tools is public.
    if (access.kind === 'guest' && method !== 'tools/list')
      return { upstream, access, listed: nothing };
    const asking = askingAt(call, visible);
    const listed =
      cursor === undefined
        ? this.catalogues.list(asking, method)
        : this.catalogues.next(asking, method, cursor);
    const isBrought = asking.call.brought !== undefined;
    return listed instanceof Promise
      ? listed.then((one) => ({ upstream, access, listed: one, isBrought }))
      : { upstream, access, listed, isBrought };
  }

  /** The first page: printed anew only where something has changed for this caller. */
  #printedOnce(call: FederatedCall, method: ListMethod, sources: readonly Source[]): Buffer {
    const { names } = this.joined;
    const key = `${method} ${call.client.era} ${personOf(call.caller)}`;
    const isRuled = sources.some(({ upstream }) => upstream.toolGate !== undefined);
    const made = { names, sources, who: isRuled ? whoOf(call) : undefined };
    // Which tools are held changes by itself.
    const lasts = sources.every(
      ({ upstream, isBrought }) => upstream.config.toolChanges !== 'hold' && isBrought !== true,
    );
    const known = lasts ? this.#printed.find(key, made) : undefined;
    if (known !== undefined) return known;
    const parts = this.#parts(call, method, sources);
    const all = this.#opensMore(call, method, sources) ? [...parts, signsIn] : parts;
    const bytes = Buffer.from(this.#print(call, method, all));
    if (lasts) this.#printed.keep(key, made, bytes);
    return bytes;
  }

  /** Somebody who has not signed in is offered to, where there is more to see: no challenge leads there before a call. */
  #opensMore({ caller }: FederatedCall, method: ListMethod, seen: readonly Source[]): boolean {
    return method === 'tools/list' && isNobody(caller) && seen.length < this.joined.count;
  }

  #parts(call: FederatedCall, method: ListMethod, sources: readonly Source[]): Part[] {
    return sources.map((source) => ({
      slug: source.upstream.config.slug,
      text: this.#textOf(call, method, source),
      listed: source.listed,
    }));
  }

  #textOf(call: FederatedCall, method: ListMethod, { upstream, access, listed }: Source): string {
    const { slug, name } = upstream.config;
    const { names } = this.joined;
    const { page, state } = listed;
    if (method !== 'tools/list') return page?.text(names) ?? '';
    const connects = page === undefined && state === 'unconnected' && access.kind !== 'guest';
    if (connects && takesCredential(callAt(call, upstream))) return connectTool(slug, name);
    const gate = upstream.toolGate?.beside(this.deps.inventory);
    if (gate === undefined) return page?.text(names) ?? '';
    const shown = page?.items(names).filter(({ own }) => isListed(gate.decide(whoOf(call), own)));
    return shown?.map(({ text }) => text).join(',') ?? '';
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
  sources: readonly (Source | Promise<Source>)[],
): readonly Source[] | Promise<readonly Source[]> {
  const known = sources.filter((source): source is Source => !(source instanceof Promise));
  if (known.length === sources.length) return known;
  return Promise.all(sources.map(async (source) => source));
}

function ttlOf(parts: readonly Part[]): number {
  const all = parts.map(({ listed }) =>
    listed.state === 'listed' ? (listed.page?.ttlMs ?? 0) : 0,
  );
  return all.length === 0 ? 0 : Math.min(...all);
}
