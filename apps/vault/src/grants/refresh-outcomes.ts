import { setTimeout as sleep } from 'node:timers/promises';
import type { AuditLog } from '../audit/audit-log.js';
import type { Database } from '../database/database.js';
import type { GrantEvents } from './grant-events.js';
import type { StoredGrant } from './postgres-grant-row.js';
import type { Answer, Attempt, PostgresRefreshStore } from './postgres-refresh-store.js';

const commitTries = 60;
const commitPauseMs = 500;

/** How a refresh ends for good: token columns, audit and event in one transaction. */
export class RefreshOutcomes {
  constructor(
    private readonly database: Database,
    private readonly store: PostgresRefreshStore,
    private readonly audit: AuditLog,
    private readonly events: GrantEvents,
  ) {}

  /**
   * Keeps trying for half a minute: with rotation the new refresh token exists nowhere but here, and a
   * database fails over in less. A commit that went through unseen is recognised by its version.
   */
  async succeed(attempt: Attempt, answer: Answer): Promise<StoredGrant | undefined> {
    for (let tries = 1; ; tries += 1) {
      try {
        return await this.#succeedOnce(attempt, answer);
      } catch (error) {
        if (tries === commitTries) throw error;
        await sleep(commitPauseMs);
      }
    }
  }

  async declareDead(attempt: Attempt): Promise<void> {
    await this.database.transaction(async (tx) => {
      const grant = await this.store.declareDead(tx, attempt);
      if (grant === undefined) return;
      await this.audit.record(tx, this.#record('grant.ended', 'failed', grant));
      await this.events.publish(tx, grant);
    });
  }

  #succeedOnce(attempt: Attempt, answer: Answer): Promise<StoredGrant | undefined> {
    return this.database.transaction(async (tx) => {
      const grant = await this.store.succeed(tx, attempt, answer);
      if (grant === undefined) return undefined;
      await this.audit.record(tx, this.#record('grant.refreshed', 'success', grant));
      await this.events.publish(tx, grant, { before: attempt.grant, by: 'refresh' });
      return grant;
    });
  }

  #record(action: string, outcome: 'success' | 'failed', grant: StoredGrant) {
    return {
      action,
      outcome,
      actor: { kind: 'vault' as const },
      target: {
        grantId: grant.id,
        issuer: this.events.issuerOf(grant.issuerId),
        subject: grant.subject,
        version: grant.version,
      },
      ...(grant.statusReason === undefined ? {} : { detail: { reason: grant.statusReason } }),
    };
  }
}
