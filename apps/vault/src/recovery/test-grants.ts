import type { AuditLog } from '../audit/audit-log.js';
import type { CrashPoint } from '../database/crash-point.js';
import type { Database } from '../database/database.js';
import type { RefreshGrant } from '../grants/refresh-grant.js';
import type { VaultLogger } from '../log-events.js';
import type { Registry } from '../registry/registry-snapshot.js';
import type {
  Claim,
  PostgresRecoveryQueue,
  Stopped,
  TestOutcome,
} from './postgres-recovery-queue.js';

export interface TestGrantsParts {
  readonly database: Database;
  readonly queue: PostgresRecoveryQueue;
  readonly refreshing: Pick<RefreshGrant, 'refresh'>;
  readonly registry: Pick<Registry, 'current'>;
  readonly audit: AuditLog;
  readonly crashPoint: CrashPoint;
  readonly logger: VaultLogger;
}

/** `idle` no recovery runs · `waiting` for the pace of providers · `more` at once. */
export type StepResult = 'idle' | 'waiting' | 'more';

/**
 * The tests of a recovery, whoever began it: one refresh per grant, one at a time per provider and process. All of it
 * stands in the database, so that any replica goes on where another one died.
 */
export class TestGrants {
  readonly #running = new Map<string, Promise<void>>();

  constructor(private readonly parts: TestGrantsParts) {}

  /** Starts what may start now; resolves before its tests do. */
  async step(): Promise<StepResult> {
    const { database, queue } = this.parts;
    const prepared = await database.transaction((tx) => queue.prepare(tx));
    if (prepared !== undefined) return 'more';
    const claim = await queue.claim([...this.#running.keys()]);
    if (claim === undefined) return (await queue.isRunning()) ? 'waiting' : 'idle';
    const { oauthClientId } = claim.grant;
    const test = this.#test(claim)
      .catch((error: unknown) =>
        this.parts.logger.error({
          event: 'recovery.test_broken',
          grantId: claim.grant.id,
          err: error,
        }),
      )
      .finally(() => this.#running.delete(oauthClientId));
    this.#running.set(oauthClientId, test);
    return 'more';
  }

  /** Resolves when no test of this process is under way. */
  async drain(): Promise<void> {
    while (this.#running.size > 0) await Promise.all(this.#running.values());
  }

  async #test(claim: Claim): Promise<void> {
    const outcome = await this.#outcomeOf(claim);
    this.parts.crashPoint('recovery-after-test');
    const { database, queue } = this.parts;
    await database.transaction(async (tx) => {
      const stopped = await queue.resolve(tx, claim, outcome);
      if (stopped === undefined) return;
      await this.parts.audit.record(tx, {
        action: 'recovery.provider_stopped',
        outcome: 'failed',
        actor: { kind: 'vault' },
        target: { recoveryId: claim.recoveryId, oauthClient: this.#slugOf(stopped) },
        detail: { tested: stopped.tested, dead: stopped.dead },
      });
      this.parts.logger.warn({ event: 'recovery.provider_stopped', ...stopped });
    });
  }

  /** A test that another process had finished before it died is not made again. */
  async #outcomeOf(claim: Claim): Promise<TestOutcome> {
    const { queue, refreshing } = this.parts;
    const before = await queue.stateOf(claim);
    if (before !== 'open') return { came: before };
    const { grant, target } = claim;
    const result = await refreshing.refresh({ grant, target, force: false, isTest: true });
    const after = await queue.stateOf(claim);
    if (after !== 'open') return { came: after };
    const retryAfterSeconds =
      result.did === 'nothing' && result.because === 'failed' ? result.retryAfterSeconds : 1;
    return { came: 'failed', retryAfterSeconds };
  }

  #slugOf({ oauthClientId }: Stopped): string {
    return this.parts.registry.current().oauthClientById(oauthClientId)?.document.slug ?? '';
  }
}
