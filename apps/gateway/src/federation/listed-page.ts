import { isObject, type JsonObject } from '../mcp/message.js';
import { printExact } from './exact-json.js';
import { listKinds, type ListMethod } from './list-kinds.js';
import type { Names } from './names.js';
import { joinedUri, withJoinedDisplay } from './uris.js';

/** One entry of an upstream's list under its joined name or URI, ready to be sent. */
export interface ListedItem {
  readonly own: string;
  readonly joined: string;
  readonly text: string;
}

interface Rendered {
  readonly names: Names;
  readonly items: readonly ListedItem[];
  readonly text: string;
}

/** One page of one upstream's list. */
export class ListedPage {
  readonly #entries: readonly JsonObject[];
  #rendered: Rendered | undefined;
  #taskOnly: ReadonlySet<unknown> | undefined;
  /** Where the upstream's list goes on. */
  readonly cursor: string | undefined;
  /** How large it is, in JSON. */
  readonly characters: number;
  /** How long the upstream says that it stays as it is; 0 where it does not say. */
  readonly ttlMs: number;

  constructor(
    private readonly slug: string,
    private readonly method: ListMethod,
    result: JsonObject,
  ) {
    const { member, key } = listKinds[method];
    const entries = result[member];
    this.#entries = (Array.isArray(entries) ? entries : [])
      .filter(isObject)
      .filter((entry) => typeof entry[key] === 'string')
      .map((entry) => (result['resultType'] === undefined ? entry : withoutExecution(entry)));
    this.characters = printExact(this.#entries).length;
    this.cursor = typeof result['nextCursor'] === 'string' ? result['nextCursor'] : undefined;
    this.ttlMs = typeof result['ttlMs'] === 'number' ? Math.max(0, result['ttlMs']) : 0;
  }

  /** The entries as the upstream gave them. */
  get entries(): readonly JsonObject[] {
    return this.#entries;
  }

  /** The tools that their server, of revision 2025-11-25, takes as a task only; by their own names. */
  get taskOnly(): ReadonlySet<unknown> {
    this.#taskOnly ??= new Set(this.#entries.filter(isTaskOnly).map(({ name }) => name));
    return this.#taskOnly;
  }

  /** With the names of this configuration; made once for it. */
  items(names: Names): readonly ListedItem[] {
    return this.#render(names).items;
  }

  /** All of them as they stand in a list, commas between. */
  text(names: Names): string {
    return this.#render(names).text;
  }

  #render(names: Names): Rendered {
    if (this.#rendered?.names === names) return this.#rendered;
    const items = this.#entries.map((entry) => this.#item(names, entry));
    this.#rendered = { names, items, text: items.map(({ text }) => text).join(',') };
    return this.#rendered;
  }

  #item(names: Names, entry: JsonObject): ListedItem {
    const { key } = listKinds[this.method];
    const own = String(entry[key]);
    const joined = key === 'name' ? names.joined(this.slug, own) : joinedUri(this.slug, own);
    const shown = this.method === 'tools/list' ? withJoinedDisplay(this.slug, entry) : entry;
    return { own, joined, text: printExact({ ...shown, [key]: joined }) };
  }

  /** Whether another page says the same. */
  equals(other: ListedPage): boolean {
    return printExact(this.#entries) === printExact(other.#entries);
  }
}

/** Of revision 2025-11-25: tools of a newer server are no tasks that a client could ask for. */
function withoutExecution(entry: JsonObject): JsonObject {
  if (entry['execution'] === undefined) return entry;
  const { execution, ...tool } = entry;
  return tool;
}

function isTaskOnly({ execution }: JsonObject): boolean {
  return isObject(execution) && execution['taskSupport'] === 'required';
}
