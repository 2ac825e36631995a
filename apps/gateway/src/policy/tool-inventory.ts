import { createHash } from 'node:crypto';
import { canonicalDigest } from '#lib/audit-chain/canonical-digest';
import type { UpstreamConfig } from '#lib/contract/config-snapshot';
import { mostReported, toolReportAnswer, type ToolPrint } from '#lib/contract/gateway-reports';
import type { VaultClient } from '#lib/contract/vault-client';
import { Rounds } from '#lib/process/rounds';
import type { GatewayLogger } from '../log-events.js';
import { inTime } from '#lib/process/in-time';
import { KnownTools } from './known-tools.js';

/** A tool as a server lists it. */
export interface SeenTool {
  readonly name: string;
  readonly [member: string]: unknown;
}

export interface ToolInventoryOptions {
  readonly vault: Pick<VaultClient, 'report'>;
  /** The snapshot's version at this moment; counts upward. */
  readonly version: () => number;
  readonly logger: GatewayLogger;
  /** How long a list with something new waits for the vault, where changes are held. */
  readonly waitMs?: number;
  /** Milliseconds of a monotonic clock. */
  readonly now?: () => number;
  /** Between attempts to tell the vault what it has not heard yet. */
  readonly everyMs?: number;
}

type Watched = Pick<UpstreamConfig, 'slug' | 'url' | 'toolChanges' | 'toolInventory'>;

/**
 * Of a tool where changes are held, beside what the snapshot names: `unseen` is one that no list of late has shown this
 * replica, so that nobody here can say whether the server changed it.
 */
export type ToolStanding = 'known' | 'held' | 'unseen';

// The vault remembers when a tool was seen last, and may itself have forgotten.
const renewedMs = 3_600_000;

/**
 * What the servers list, as far as the vault was told. Where changes are held, a tool counts only once the vault has
 * said so: while it cannot be asked, what is new here is neither listed nor called.
 */
export class ToolInventory {
  readonly #known = new Map<string, KnownTools>();
  readonly #telling = new Map<string, Promise<void>>();
  readonly #rounds: Rounds;

  constructor(private readonly options: ToolInventoryOptions) {
    const { logger, everyMs = 5_000 } = options;
    const onError = (err: unknown) => logger.error({ event: 'tools.report_failed', err });
    this.#rounds = new Rounds(() => this.#tellAll(), { everyMs, onError });
  }

  start(): void {
    this.#rounds.start();
  }

  async stop(): Promise<void> {
    await inTime(this.#rounds.stop(), 1_000);
  }

  /**
   * A server's own list passes by, or a page of it. A promise only where changes are held and something is new: the
   * list may be judged (`standing`) and sent on once it resolves; it never rejects.
   */
  seen(upstream: Watched, tools: readonly SeenTool[]): Promise<void> | undefined {
    const { slug, toolChanges = 'ignore' } = upstream;
    if (toolChanges === 'ignore' || tools.length === 0) return undefined;
    const known = this.#knownOf(upstream, toolChanges);
    const list = createHash('sha256').update(JSON.stringify(tools)).digest('base64');
    if (known.hasSeen(list)) return undefined;
    for (const tool of tools) known.see({ name: tool.name, fingerprint: fingerprintOf(tool) });
    if (!known.waits) known.remember(list);
    if (known.untold.length === 0) return undefined;
    const told = this.#tell(slug, known);
    return known.waits && toolChanges === 'hold'
      ? inTime(told, this.options.waitMs ?? 2_000)
      : undefined;
  }

  standing(upstream: Watched, tool: string): ToolStanding {
    if (upstream.toolChanges !== 'hold') return 'known';
    const known = this.#known.get(upstream.slug);
    if (known === undefined || !isOf(known, upstream, 'hold')) return 'unseen';
    if (known.isHeld(tool, this.options.version())) return 'held';
    return known.isListed(tool) ? 'known' : 'unseen';
  }

  #knownOf(upstream: Watched, mode: 'alert' | 'hold'): KnownTools {
    const { slug, url, toolInventory } = upstream;
    const found = this.#known.get(slug);
    if (found !== undefined && isOf(found, upstream, mode)) {
      this.#renew(found);
      return found;
    }
    const fresh = new KnownTools(mode, url, toolInventory, this.#now());
    this.#known.set(slug, fresh);
    return fresh;
  }

  #renew(known: KnownTools): void {
    const now = this.#now();
    if (now - known.renewedAt > renewedMs) known.renew(now);
  }

  #now(): number {
    return this.options.now?.() ?? performance.now();
  }

  /** One report at a time for each upstream; what comes meanwhile goes with the next. */
  #tell(slug: string, known: KnownTools): Promise<void> {
    const before = this.#telling.get(slug) ?? Promise.resolve();
    const telling = before.then(() => this.#report(slug, known));
    this.#telling.set(slug, telling);
    return telling.finally(() => {
      if (this.#telling.get(slug) === telling) this.#telling.delete(slug);
    });
  }

  async #report(slug: string, known: KnownTools): Promise<void> {
    const untold = known.untold;
    for (let from = 0; from < untold.length; from += mostReported)
      if (!(await this.#reportSome(slug, known, untold.slice(from, from + mostReported)))) return;
  }

  async #reportSome(slug: string, known: KnownTools, tools: ToolPrint[]): Promise<boolean> {
    const { vault, logger } = this.options;
    const outcome = await vault.report('/gateway/v1/tools', { upstream: slug, tools });
    const answer = outcome.kind === 'taken' ? toolReportAnswer.safeParse(outcome.body) : undefined;
    if (answer?.success) {
      known.confirm(tools, answer.data);
      return true;
    }
    const detail = outcome.kind === 'taken' ? 'not understood' : outcome.detail;
    logger.warn({ event: 'tools.not_reported', upstream: slug, detail });
    return false;
  }

  async #tellAll(): Promise<void> {
    for (const [slug, known] of this.#known) {
      this.#renew(known);
      if (known.untold.length > 0) await this.#tell(slug, known);
    }
  }
}

function isOf(known: KnownTools, { url, toolInventory }: Watched, mode: KnownTools['mode']) {
  return known.mode === mode && known.url === url && known.inventory === toolInventory;
}

/** SHA-256 of all that a model or a person reads of a tool. */
export function fingerprintOf(tool: SeenTool): string {
  const { title, description, inputSchema, outputSchema, annotations } = tool;
  const read = { title, description, inputSchema, outputSchema, annotations };
  try {
    return canonicalDigest(read);
  } catch {
    // Half a surrogate pair has no canonical form.
    return createHash('sha256').update(JSON.stringify(read)).digest('hex');
  }
}
