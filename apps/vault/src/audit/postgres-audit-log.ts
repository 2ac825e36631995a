import type { Transaction } from '../database/database.js';
import { queryOf } from '../database/postgres-database.js';
import type { AuditLog, AuditRecord } from './audit-log.js';
import { storableJson } from './storable-json.js';

export class PostgresAuditLog implements AuditLog {
  record(tx: Transaction, record: AuditRecord): Promise<void> {
    return this.recordAll(tx, [record]);
  }

  async recordAll(tx: Transaction, records: readonly AuditRecord[]): Promise<void> {
    await queryOf(tx)(
      `INSERT INTO audit_event (action, outcome, actor, target, request_id, detail)
       SELECT * FROM unnest($1::text[], $2::text[], $3::jsonb[], $4::jsonb[], $5::text[], $6::jsonb[])`,
      [
        records.map(({ action }) => action),
        records.map(({ outcome }) => outcome),
        records.map(({ actor }) => storableJson(actor)),
        records.map(({ target }) => storableJson(target)),
        records.map(({ requestId }) => requestId ?? null),
        records.map(({ detail }) => storableJson(detail ?? {})),
      ],
      'record-audit-events',
    );
  }
}
