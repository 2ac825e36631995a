import type { AuditRecord } from './audit-log.js';

/** Records what was refused, which callers can cause at will: like ones are counted instead of repeated. */
export interface Refusals {
  /** `times`: how often, where somebody else has counted. Never rejects: what is refused stays refused without its record, and the log says so. */
  note(record: AuditRecord, times?: number): Promise<void>;
}
