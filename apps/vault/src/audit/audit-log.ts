import type { Transaction } from '../database/database.js';

/** Who did it. `client` is a machine client's slug, `application` the caller's client id. */
export interface AuditActor {
  readonly kind: 'person' | 'admin' | 'machine' | 'vault';
  readonly issuer?: string;
  readonly subject?: string;
  readonly application?: string;
  readonly client?: string;
}

export interface AuditRecord {
  /** Dotted, past tense: `grant.stored`, `token.exchanged`, `registry.changed`. */
  readonly action: string;
  readonly outcome: 'success' | 'refused' | 'failed';
  readonly actor: AuditActor;
  /** What it was done to, by id and slug; never a secret. */
  readonly target: Readonly<Record<string, string | number | readonly string[]>>;
  readonly requestId?: string;
  readonly detail?: Readonly<Record<string, unknown>>;
}

/** Append-only. A record stands in the same transaction as what it records. */
export interface AuditLog {
  record(tx: Transaction, record: AuditRecord): Promise<void>;
  /** The same for several, in one statement. */
  recordAll(tx: Transaction, records: readonly AuditRecord[]): Promise<void>;
}
