import type { Transaction } from '../database/database.js';
import { queryOf } from '../database/postgres-database.js';
import type { AuditLog, AuditRecord } from './audit-log.js';

export class PostgresAuditLog implements AuditLog {
  async record(tx: Transaction, record: AuditRecord): Promise<void> {
    await queryOf(tx)(
      `INSERT INTO audit_event (action, outcome, actor, target, request_id, detail)
       VALUES ($1, $2, $3, $4, $5, $6)`,
      [
        record.action,
        record.outcome,
        JSON.stringify(record.actor),
        JSON.stringify(record.target),
        record.requestId ?? null,
        JSON.stringify(record.detail ?? {}),
      ],
    );
  }
}
