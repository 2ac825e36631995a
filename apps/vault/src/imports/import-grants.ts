import { Problem } from '#lib/problem/problem';
import type { VaultLogger } from '../log-events.js';
import type { Registry } from '../registry/registry-snapshot.js';
import type { Importer, ImportGrant, ImportOutcome } from './import-grant.js';
import { type PlannedImport, planImport } from './planned-import.js';

export interface ImportResult extends Omit<ImportOutcome, 'halts'> {
  /** Place in what was sent, from 0. */
  readonly index: number;
}

export interface ImportReport {
  readonly dryRun: boolean;
  readonly counts: Readonly<Record<string, number>>;
  readonly results: readonly ImportResult[];
}

const maxItems = 1_000;
// Half of what a provider takes at once: refreshes for people who wait go on beside.
const atOncePerClient = 5;
const patience = 10;

/** Takes over the refresh tokens of another system. The same call again takes up what is still missing. */
export class ImportGrants {
  constructor(
    private readonly registry: Registry,
    private readonly one: ImportGrant,
    private readonly logger: VaultLogger,
  ) {}

  /** `body` is a list of items, or NDJSON as text. Throws Problem. */
  async import(
    body: unknown,
    by: Importer,
    { dryRun }: { readonly dryRun: boolean },
  ): Promise<ImportReport> {
    const items = itemsOf(body);
    const registry = await this.registry.refresh();
    const seen = { tokens: new Map<string, number>(), grants: new Map<string, number>() };
    const plans = items.map((item, index) => planImport(item, registry, seen, index));
    const outcomes = await Promise.all(this.#carryOut(plans, by, dryRun));
    const results = outcomes.map(({ halts: _, ...outcome }, index) => ({ index, ...outcome }));
    const counts = countBy(results);
    const { requestId } = by;
    this.logger.info({ event: 'grant.import_finished', requestId, dryRun, ...counts });
    return { dryRun, counts, results };
  }

  #carryOut(
    plans: readonly (PlannedImport | string)[],
    by: Importer,
    dryRun: boolean,
  ): Promise<ImportOutcome>[] {
    const queues = new Map<string, ClientQueue>();
    return plans.map(async (plan): Promise<ImportOutcome> => {
      if (typeof plan === 'string') return { status: 'refused', detail: plan };
      if (dryRun) return this.one.foresee(plan);
      const queue = queues.get(plan.client.id) ?? new ClientQueue();
      queues.set(plan.client.id, queue);
      return queue.run(() => this.#attempt(plan, by));
    });
  }

  async #attempt(plan: PlannedImport, by: Importer): Promise<ImportOutcome> {
    try {
      return await this.one.run(plan, by);
    } catch (err) {
      const { requestId } = by;
      const { subject, oauthClient } = plan.item;
      this.logger.error({
        event: 'grant.import_broken',
        ...{ requestId, subject, oauthClient, err },
      });
      return {
        status: 'failed',
        detail:
          'It could not be stored. If the provider replaces used tokens, this one is lost and the person connects again; else repeat.',
      };
    }
  }
}

/** The items of one oauth client: a few at once, and none any more once the provider has stopped answering. */
class ClientQueue {
  #running = 0;
  #unanswered = 0;
  #halted = false;
  readonly #waiting: (() => void)[] = [];

  async run(work: () => Promise<ImportOutcome>): Promise<ImportOutcome> {
    if (this.#running >= atOncePerClient)
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    else this.#running += 1;
    try {
      return this.#halted ? notTried : this.#noted(await work());
    } finally {
      const next = this.#waiting.shift();
      if (next) next();
      else this.#running -= 1;
    }
  }

  #noted(outcome: ImportOutcome): ImportOutcome {
    this.#unanswered = outcome.halts === 'unanswered' ? this.#unanswered + 1 : 0;
    if (outcome.halts === 'misconfigured' || this.#unanswered >= patience) this.#halted = true;
    return outcome;
  }
}

const notTried: ImportOutcome = {
  status: 'failed',
  detail:
    'Not tried, because the provider refused or did not answer the items before. Repeat later.',
};

function itemsOf(body: unknown): readonly unknown[] {
  const items = typeof body === 'string' ? linesOf(body) : body;
  if (!Array.isArray(items))
    throw new Problem(
      'invalid-request',
      'Send a JSON list of items, or one item a line as application/x-ndjson.',
    );
  if (items.length <= maxItems) return items;
  throw new Problem('too-large', `A call may have at most ${maxItems} items. Send several calls.`);
}

// What JSON.parse says about a line quotes it, and it holds a token.
function linesOf(text: string): unknown[] {
  return text.split('\n').flatMap((line, index) => {
    if (line.trim() === '') return [];
    try {
      return [JSON.parse(line) as unknown];
    } catch {
      throw new Problem('invalid-request', `Line ${index + 1} is not JSON.`);
    }
  });
}

function countBy(results: readonly ImportResult[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { status } of results) counts[status] = (counts[status] ?? 0) + 1;
  return counts;
}
