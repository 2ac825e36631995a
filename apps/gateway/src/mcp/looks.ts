import type { Clock } from '#lib/clock/clock';
import type { SeenTool } from '../policy/tool-inventory.js';
import { sharerOf, type McpCall, type McpDeps } from './mcp-call.js';
import { isObject, type JsonObject } from './message.js';
import type { Called, Failure } from './upstream-call.js';

type NoCredential = Extract<Called, { kind: 'no-credential' }>;
type Failed = { readonly kind: 'failed'; readonly failure: Failure };

/** One page of a `tools/list` as the server gave it; `result` is read by JSON.parse, as all fingerprints are. */
export type LookedPage =
  | { readonly kind: 'page'; readonly result: JsonObject }
  | Failed
  | NoCredential;

/** Whether the server's own list was read, and with it the inventory told of its tools. */
export type Looked = { readonly kind: 'listed' } | Failed | NoCredential;

const listed: Looked = { kind: 'listed' };
const mostPages = 50;
/** A list that was read a moment ago would say the same. */
const freshMs = 5_000;
const mostRemembered = 10_000;

/**
 * Lists that are read on the way of a call, because this replica does not know the tool that it names: once at a time
 * for one person through one application, and not again for a few seconds.
 */
export class Looks {
  readonly #flights = new Map<string, Promise<Looked>>();
  /** When a list was read, of the monotonic clock. */
  readonly #read = new Map<string, number>();

  constructor(private readonly clock: Pick<Clock, 'monotonicMs'>) {}

  async once(
    { inventory }: Pick<McpDeps, 'inventory'>,
    call: McpCall,
    ask: (cursor: string | undefined) => Promise<LookedPage>,
  ): Promise<Looked> {
    const { config } = call.upstream;
    const look = () => lookThrough((tools) => inventory?.seen(config, tools), ask);
    // What somebody brings may show what nobody else sees.
    if (call.brought !== undefined) return look();
    const { toolInventory = '' } = config;
    const key = `${sharerOf(call)} ${String(call.lentPublicly === true)} ${toolInventory}`;
    if (this.#isFresh(key)) return listed;
    const flying = this.#flights.get(key);
    if (flying !== undefined) return flying;
    const flight = look().finally(() => this.#flights.delete(key));
    this.#flights.set(key, flight);
    const looked = await flight;
    if (looked.kind === 'listed') this.#remember(key);
    return looked;
  }

  #isFresh(key: string): boolean {
    const at = this.#read.get(key);
    return at !== undefined && this.clock.monotonicMs() - at < freshMs;
  }

  #remember(key: string): void {
    if (this.#read.size >= mostRemembered) this.#read.clear();
    this.#read.set(key, this.clock.monotonicMs());
  }
}

async function lookThrough(
  seen: (tools: readonly SeenTool[]) => Promise<void> | undefined,
  ask: (cursor: string | undefined) => Promise<LookedPage>,
): Promise<Looked> {
  let cursor: string | undefined;
  for (let pages = 0; pages < mostPages; pages += 1) {
    const page = await ask(cursor);
    if (page.kind !== 'page') return page;
    const { tools, nextCursor } = page.result;
    if (Array.isArray(tools)) await seen(tools.filter(isSeenTool));
    if (typeof nextCursor !== 'string') break;
    cursor = nextCursor;
  }
  return listed;
}

function isSeenTool(tool: unknown): tool is SeenTool {
  return isObject(tool) && typeof tool['name'] === 'string';
}
