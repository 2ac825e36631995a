import type { AuditActor, AuditLog } from '../audit/audit-log.js';
import type { Transaction } from '../database/database.js';
import { recordOf } from './end-person.js';
import type { PostgresLeaverStore } from './postgres-leaver-store.js';

/** Lets a person begin anew; what was ended stays ended. */
export class LiftBar {
  constructor(
    private readonly leavers: PostgresLeaverStore,
    private readonly audit: AuditLog,
  ) {}

  /** Does nothing where it is lifted already, or where it is not one that `source` may lift. */
  async lift(
    tx: Transaction,
    id: string,
    by: { readonly actor: AuditActor; readonly requestId: string },
    source?: 'scim',
  ): Promise<void> {
    const lifted = await this.leavers.lift(tx, id, by.actor, source);
    if (lifted === undefined) return;
    const record = recordOf(lifted, 'leaver.lifted');
    await this.audit.record(tx, { ...record, actor: by.actor, requestId: by.requestId });
  }
}
