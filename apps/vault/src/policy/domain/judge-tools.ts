import type { ToolPrint } from '#lib/contract/gateway-reports';

/** `changed`: noticed and told, and not held. */
export type ToolState = 'approved' | 'held' | 'changed';

export interface KnownTool extends ToolPrint {
  readonly state: ToolState;
}

/** What is known of an upstream, as far as a report is about it. */
export interface Inventory {
  /** Of the reported names, least recently seen first. */
  readonly tools: readonly KnownTool[];
  /** How many names there are at all. */
  readonly names: number;
  /** Its first tool was seen a moment ago, or none yet: then what it lists is taken as it is. */
  readonly fresh: boolean;
}

export interface NewTool extends KnownTool {
  /** The one of this name that was seen last before. */
  readonly previous: string | undefined;
}

/** What becomes of a report. */
export interface ToolVerdict {
  readonly seenAgain: readonly ToolPrint[];
  readonly added: readonly NewTool[];
  /** Removed to make room for others of their name. */
  readonly evicted: readonly ToolPrint[];
  /** Names to tell of: new to this upstream, and known but different. */
  readonly newNames: readonly string[];
  readonly changedNames: readonly string[];
  /** Reported names that wait for an administrator, and those of them that did not before. */
  readonly held: readonly string[];
  readonly heldNow: readonly string[];
  readonly overflow: readonly string[];
}

export const mostNames = 2_000;
const mostPerName = 16;

/** Judges what a gateway saw. Pure; a name waits at most once, however often the server changes its mind. */
export function judgeTools(
  inventory: Inventory,
  prints: readonly ToolPrint[],
  mode: 'alert' | 'hold',
): ToolVerdict {
  const judging = new Judging(inventory, mode);
  for (const print of prints) judging.judge(print);
  return judging.verdict();
}

class Judging {
  readonly #byName = new Map<string, KnownTool[]>();
  readonly #before: ReadonlySet<string>;
  readonly #seenAgain: ToolPrint[] = [];
  readonly #added = new Map<KnownTool, NewTool>();
  readonly #evicted: ToolPrint[] = [];
  readonly #newNames = new Set<string>();
  readonly #changedNames = new Set<string>();
  readonly #overflow = new Set<string>();
  #names: number;

  constructor(
    private readonly inventory: Inventory,
    private readonly mode: 'alert' | 'hold',
  ) {
    for (const tool of inventory.tools)
      this.#byName.set(tool.name, [...(this.#byName.get(tool.name) ?? []), tool]);
    this.#before = new Set(this.#heldNames());
    this.#names = inventory.names;
  }

  judge(print: ToolPrint): void {
    const known = this.#byName.get(print.name);
    if (known === undefined) this.#firstOfName(print);
    else if (known.some(({ fingerprint }) => fingerprint === print.fingerprint))
      this.#seenAgain.push(print);
    else this.#another(print, known);
  }

  verdict(): ToolVerdict {
    const held = this.mode === 'hold' ? this.#heldNames() : [];
    return {
      seenAgain: this.#seenAgain,
      added: [...this.#added.values()],
      evicted: this.#evicted,
      newNames: [...this.#newNames],
      changedNames: [...this.#changedNames],
      held,
      heldNow: held.filter((name) => !this.#before.has(name)),
      overflow: [...this.#overflow],
    };
  }

  #firstOfName(print: ToolPrint): void {
    if (this.#names >= mostNames) {
      this.#overflow.add(print.name);
      return;
    }
    this.#names += 1;
    if (!this.inventory.fresh) this.#newNames.add(print.name);
    this.#add(print, [], this.inventory.fresh ? 'approved' : this.#waiting);
  }

  #another(print: ToolPrint, known: readonly KnownTool[]): void {
    const waits = known.some(({ state }) => state !== 'approved');
    if (!waits) this.#changedNames.add(print.name);
    this.#add(print, this.#roomAmong(known), this.#waiting);
  }

  /** Of those that wait, the one that was seen longest ago goes first; then of the approved ones. */
  #roomAmong(known: readonly KnownTool[]): readonly KnownTool[] {
    if (known.length < mostPerName) return known;
    const out = known.find(({ state }) => state !== 'approved') ?? known[0];
    if (out !== undefined && !this.#added.delete(out)) this.#evicted.push(out);
    return known.filter((one) => one !== out);
  }

  #add(print: ToolPrint, others: readonly KnownTool[], state: ToolState): void {
    const tool = { ...print, state };
    this.#added.set(tool, { ...tool, previous: others.at(-1)?.fingerprint });
    this.#byName.set(print.name, [...others, tool]);
  }

  get #waiting(): ToolState {
    return this.mode === 'hold' ? 'held' : 'changed';
  }

  #heldNames(): string[] {
    return [...this.#byName]
      .filter(([, tools]) => tools.some(({ state }) => state === 'held'))
      .map(([name]) => name);
  }
}
