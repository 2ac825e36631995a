import { canonicalDigest } from '#lib/audit-chain/canonical-digest';
import type { AuditLog } from '../audit/audit-log.js';
import type { Database } from '../database/database.js';
import { recordOf } from './end-person.js';
import type { PostgresLeaverStore } from './postgres-leaver-store.js';
import { writeReceipt } from './write-receipt.js';

/** Closes a receipt once every provider has answered: from then on it never changes, and the audit log knows its digest. */
export class SettleLeaver {
  constructor(
    private readonly database: Database,
    private readonly leavers: PostgresLeaverStore,
    private readonly audit: AuditLog,
  ) {}

  /** False while something is pending, or where it is settled already. */
  settle(id: string): Promise<boolean> {
    return this.database.transaction(async (tx) => {
      const leaver = await this.leavers.lockSettleable(tx, id);
      if (leaver === undefined) return false;
      const connections = await this.leavers.connections(id, tx);
      const receipt = writeReceipt(leaver, connections, await this.leavers.revocations(leaver, tx));
      await this.audit.record(tx, {
        ...recordOf(leaver, 'leaver.settled'),
        actor: { kind: 'vault' },
        detail: { receiptSha256: canonicalDigest(receipt) },
      });
      await this.leavers.settle(tx, id, receipt);
      return true;
    });
  }
}
