import { isReportable, type ToolPrint, type ToolReportAnswer } from '#lib/contract/gateway-reports';

const mostConfirmed = 20_000;
const mostUnconfirmed = 4_000;
const mostLists = 1_000;

/** What the vault has said of the tools of one upstream. */
export class KnownTools {
  readonly #confirmed = new Set<string>();
  readonly #unconfirmed = new Map<string, ToolPrint>();
  /** Confirmed long ago: to be told again when they are seen, and meanwhile they count. */
  #old = new Set<string>();
  readonly #again = new Map<string, ToolPrint>();
  /** How many fingerprints of a name the vault was not asked about yet. */
  readonly #waiting = new Map<string, number>();
  /** The version from which on the snapshot names it. */
  readonly #heldUntil = new Map<string, number>();
  readonly #lists = new Set<string>();
  /** Names that the vault was told of and that were listed lately, or until the last renewal. */
  #listed = new Set<string>();
  #listedBefore = new Set<string>();
  /** Names that the vault cannot remember. */
  readonly #full = new Set<string>();
  /** There was more than could be remembered: nothing counts until a whole list is confirmed. */
  #overflowed = false;

  constructor(
    readonly mode: 'alert' | 'hold',
    readonly url: string,
    /** The vault's name for what it knows itself. */
    readonly inventory: string | undefined,
    /** Of the monotonic clock, in milliseconds. */
    public renewedAt: number,
  ) {}

  /** Whether there is something of which the vault has said nothing. */
  get waits(): boolean {
    return this.#unconfirmed.size > 0;
  }

  /** What the vault is to be told. */
  get untold(): ToolPrint[] {
    return [...this.#unconfirmed.values(), ...this.#again.values()];
  }

  /** The vault may have forgotten: a restored backup. What nobody has listed since the renewal before is unknown again. */
  renew(now: number): void {
    this.renewedAt = now;
    this.#lists.clear();
    this.#listedBefore = this.#listed;
    this.#listed = new Set();
    this.#old = new Set(this.#confirmed);
  }

  hasSeen(list: string): boolean {
    return this.#lists.has(list);
  }

  /** A list all of whose tools are confirmed. */
  remember(list: string): void {
    if (this.#lists.size >= mostLists) this.#lists.clear();
    this.#lists.add(list);
    if (this.#full.size < mostUnconfirmed) this.#overflowed = false;
  }

  see(print: ToolPrint): void {
    const key = keyOf(print);
    if (this.#old.delete(key)) this.#again.set(key, print);
    if (this.#confirmed.has(key)) this.#listed.add(print.name);
    if (this.#confirmed.has(key) || this.#unconfirmed.has(key)) return;
    if (!isReportable(print)) {
      this.#giveUp(print.name);
      return;
    }
    if (this.#unconfirmed.size >= mostUnconfirmed) {
      this.#overflowed = true;
      return;
    }
    this.#unconfirmed.set(key, print);
    this.#waiting.set(print.name, (this.#waiting.get(print.name) ?? 0) + 1);
  }

  confirm(prints: readonly ToolPrint[], { held, overflow, version }: ToolReportAnswer): void {
    if (this.#confirmed.size >= mostConfirmed) {
      this.#confirmed.clear();
      this.#lists.clear();
      this.#listed.clear();
      this.#listedBefore.clear();
    }
    for (const name of held) this.#heldUntil.set(name, Number(version));
    for (const name of overflow) this.#giveUp(name);
    for (const print of prints) this.#settle(print);
  }

  /** `version`: of the snapshot at this moment. */
  isHeld(tool: string, version: number): boolean {
    if (this.#overflowed || this.#full.has(tool) || this.#waiting.has(tool)) return true;
    const until = this.#heldUntil.get(tool);
    if (until === undefined) return false;
    if (version < until) return true;
    this.#heldUntil.delete(tool);
    return false;
  }

  /** Whether lists of late have shown it, and the vault was told. */
  isListed(tool: string): boolean {
    return this.#listed.has(tool) || this.#listedBefore.has(tool);
  }

  #giveUp(name: string): void {
    if (this.#full.size < mostUnconfirmed) this.#full.add(name);
    else this.#overflowed = true;
  }

  #settle(print: ToolPrint): void {
    const key = keyOf(print);
    this.#again.delete(key);
    if (!this.#unconfirmed.delete(key)) return;
    this.#confirmed.add(key);
    this.#listed.add(print.name);
    const left = (this.#waiting.get(print.name) ?? 1) - 1;
    if (left > 0) this.#waiting.set(print.name, left);
    else this.#waiting.delete(print.name);
  }
}

function keyOf({ name, fingerprint }: ToolPrint): string {
  return `${fingerprint} ${name}`;
}
