import type { Transaction } from '../database/database.js';
import { queryOf } from '../database/postgres-database.js';
import type { AuditLog, AuditRecord } from './audit-log.js';
import { storableJson } from './storable-json.js';

/** The columns that a record has of its own, and how JSON of it is read; for statements that record beside what they do. */
export const recordColumns = 'action, outcome, actor, target, request_id, detail';
const recordTypes =
  'action text, outcome text, actor jsonb, target jsonb, request_id text, detail jsonb';

export class PostgresAuditLog implements AuditLog {
  record(tx: Transaction, record: AuditRecord): Promise<void> {
    return this.recordAll(tx, [record]);
  }

  async recordAll(tx: Transaction, records: readonly AuditRecord[]): Promise<void> {
    // One text for all: arrays of jsonb would be quoted once more, each record for itself.
    await queryOf(tx)(
      `INSERT INTO audit_event (${recordColumns})
       SELECT ${recordColumns} FROM jsonb_to_recordset($1::jsonb) AS r (${recordTypes})`,
      [storableJson(records.map(rowOf))],
      'record-audit-events',
    );
  }
}

/** Its columns by name. */
export function rowOf({ action, outcome, actor, target, requestId, detail }: AuditRecord) {
  return { action, outcome, actor, target, request_id: requestId, detail: detail ?? {} };
}
