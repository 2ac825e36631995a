import type { Database } from '../database/database.js';
import { GroupCommit } from '../database/group-commit.js';
import type { VaultLogger } from '../log-events.js';
import type { AuditLog, AuditRecord } from './audit-log.js';
import type { Refusals } from './refusals.js';

export interface RefusalLimits {
  /** Like ones within so long are one record and a count. */
  readonly windowMs: number;
  /** Records at once; beyond the rate, they are only counted. */
  readonly burst: number;
  readonly perSecond: number;
}

const usualLimits: RefusalLimits = { windowMs: 10 * 60_000, burst: 300, perSecond: 1 };

interface Repeated {
  readonly record: AuditRecord;
  readonly untilMs: number;
  times: number;
}

/**
 * The first refusal of its kind is recorded at once, the like of it within ten minutes as one more record with
 * their number. A process writes at most one such record a second (and 300 at once), whatever is thrown at it: the
 * rest is counted in a record `audit.refusals_omitted`. So a flood costs about 90,000 rows a day.
 */
export class CountedRefusals implements Refusals {
  readonly #repeated = new Map<string, Repeated>();
  readonly #commits: GroupCommit<AuditRecord>;
  #budget: number;
  #budgetAtMs: number;
  #omitted = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(
    database: Database,
    audit: AuditLog,
    private readonly logger: VaultLogger,
    private readonly limits: RefusalLimits = usualLimits,
    private readonly now: () => number = () => performance.now(),
  ) {
    this.#commits = new GroupCommit(database, (tx, records) => audit.recordAll(tx, records), 1);
    this.#budget = limits.burst;
    this.#budgetAtMs = now();
  }

  start(): void {
    this.#timer = setInterval(() => void this.flush(), this.limits.windowMs / 10);
    this.#timer.unref();
  }

  /** Writes every count there is. */
  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await this.flush(Number.POSITIVE_INFINITY);
  }

  async note(record: AuditRecord, times = 1): Promise<void> {
    const { requestId: _, ...kind } = record;
    const key = JSON.stringify(kind);
    const known = this.#repeated.get(key);
    if (known) {
      known.times += times;
      return;
    }
    if (!this.#mayWrite()) {
      this.#omitted += times;
      return;
    }
    this.#repeated.set(key, { record, untilMs: this.now() + this.limits.windowMs, times: 0 });
    await this.#write(counted(record, times));
  }

  /** Writes the counts of windows that are over at `atMs`, and what was left out. */
  async flush(atMs = this.now()): Promise<void> {
    const counts: AuditRecord[] = [];
    for (const [key, { record, untilMs, times }] of this.#repeated) {
      if (untilMs > atMs) continue;
      this.#repeated.delete(key);
      if (times > 0) counts.push({ ...record, detail: { ...record.detail, againTimes: times } });
    }
    if (this.#omitted > 0) counts.push(omission(this.#omitted));
    this.#omitted = 0;
    await Promise.all(counts.map((record) => this.#write(record)));
  }

  #mayWrite(): boolean {
    const { burst, perSecond } = this.limits;
    const now = this.now();
    const earned = ((now - this.#budgetAtMs) / 1000) * perSecond;
    this.#budget = Math.min(burst, this.#budget + earned);
    this.#budgetAtMs = now;
    if (this.#budget < 1) return false;
    this.#budget -= 1;
    return true;
  }

  async #write(record: AuditRecord): Promise<void> {
    try {
      await this.#commits.add(record);
    } catch (error) {
      const { action, requestId } = record;
      this.logger.error({ event: 'audit.refusal_lost', action, requestId, err: error });
    }
  }
}

function counted(record: AuditRecord, times: number): AuditRecord {
  return times === 1 ? record : { ...record, detail: { ...record.detail, times } };
}

function omission(times: number): AuditRecord {
  return {
    action: 'audit.refusals_omitted',
    outcome: 'refused',
    actor: { kind: 'vault' },
    target: {},
    detail: { times },
  };
}
