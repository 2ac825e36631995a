import {
  mostReported,
  type DecisionReport,
  type RefusedDecision,
} from '#lib/contract/gateway-reports';
import type { VaultClient } from '#lib/contract/vault-client';
import { Rounds } from '#lib/process/rounds';
import type { GatewayLogger } from '../log-events.js';
import { inTime } from '#lib/process/in-time';

/** One call that was refused; who called is absent where there was no token. */
export interface DeniedCall {
  readonly caller?:
    | { readonly issuer: string; readonly subject: string; readonly application: string }
    | undefined;
  readonly upstream: string;
  readonly method?: string | undefined;
  readonly tool?: string | undefined;
  readonly rule?: string | undefined;
  readonly because: RefusedDecision['because'];
  readonly requestId: string;
}

export interface ReportDecisionsOptions {
  readonly vault: Pick<VaultClient, 'report'>;
  readonly logger: GatewayLogger;
  /** Between two reports. */
  readonly everyMs?: number;
  /** Kinds of refusals that are told apart; more are only counted. */
  readonly mostKinds?: number;
}

/**
 * Tells the vault's audit log what this gateway refuses: like refusals counted, every few seconds, never in the way
 * of a call. What the vault cannot take now is kept; what there is no room for is counted.
 */
export class ReportDecisions {
  readonly #pending = new Map<string, RefusedDecision>();
  readonly #rounds: Rounds;
  #lost = 0;

  constructor(private readonly options: ReportDecisionsOptions) {
    const { logger, everyMs = 3_000 } = options;
    const onError = (err: unknown) => logger.error({ event: 'decisions.report_failed', err });
    this.#rounds = new Rounds(() => this.flush(), { everyMs, onError });
  }

  start(): void {
    this.#rounds.start();
  }

  /** Reports what is left, once, and waits no longer than a vault that is there needs. */
  async stop(): Promise<void> {
    await inTime(
      this.#rounds.stop().then(() => this.flush()),
      2_000,
    );
  }

  /** Who called is read of `caller`, and nothing else of it. */
  denied({ caller, requestId, ...call }: DeniedCall): void {
    const { issuer, subject, application } = caller ?? {};
    const kind = { issuer, subject, application, ...call };
    const key = JSON.stringify(Object.values(kind));
    const known = this.#pending.get(key);
    if (known !== undefined) this.#pending.set(key, { ...known, count: known.count + 1 });
    else if (this.#pending.size >= (this.options.mostKinds ?? 2_000)) this.#lost += 1;
    else this.#pending.set(key, bounded({ ...kind, count: 1, requestId }));
  }

  /** One report of all that is pending, in pieces that the vault takes. */
  async flush(): Promise<void> {
    while (this.#pending.size > 0 || this.#lost > 0) {
      const taken = [...this.#pending].slice(0, mostReported);
      const report: DecisionReport = { decisions: taken.map(([, one]) => one), lost: this.#lost };
      for (const [key] of taken) this.#pending.delete(key);
      this.#lost = 0;
      if (!(await this.#send(report, taken))) return;
    }
  }

  /** False where the vault is away: then everything is pending again. */
  async #send(
    report: DecisionReport,
    taken: readonly [key: string, one: RefusedDecision][],
  ): Promise<boolean> {
    const { vault, logger } = this.options;
    const outcome = await vault.report('/gateway/v1/decisions', report);
    if (outcome.kind === 'taken') return true;
    logger.warn({ event: 'decisions.not_reported', detail: outcome.detail });
    if (outcome.kind === 'not-taken') return true;
    this.#lost += report.lost;
    for (const [key, one] of taken) {
      const since = this.#pending.get(key);
      this.#pending.set(key, since ? { ...one, count: one.count + since.count } : one);
    }
    return false;
  }
}

/** As the contract has it: what a caller made up must not keep the refusals of others from being told. */
function bounded(one: RefusedDecision): RefusedDecision {
  const { upstream, because, count, requestId, ...texts } = one;
  const most = { issuer: 63, subject: 512, application: 512, method: 64, tool: 256, rule: 128 };
  const fitting = Object.entries(most).flatMap(([name, length]) => {
    const value = texts[name as keyof typeof most];
    if (value === undefined) return [];
    const clean = value.replaceAll(/[\p{Cc}\p{Cs}]/gu, '\uFFFD').slice(0, length);
    // Half a pair may be left at the cut.
    return clean === '' ? [] : [[name, clean.replace(/\p{Cs}$/u, '')]];
  });
  return {
    ...(Object.fromEntries(fitting) as Partial<typeof texts>),
    upstream,
    because,
    count,
    requestId,
  };
}
