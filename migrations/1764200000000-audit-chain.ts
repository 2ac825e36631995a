import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * The hash chain over audit events. Chaining inserts rows of its own, so that nothing of the log is ever updated;
 * events that are there already are chained by the vault's first rounds.
 */
export class AuditChain1764200000000 implements MigrationInterface {
  readonly name = 'AuditChain1764200000000';

  async up(queryRunner: QueryRunner): Promise<void> {
    for (const statement of statements) await queryRunner.query(statement);
  }

  down(): Promise<void> {
    return Promise.reject(new Error('Migrations go forward only; restore a backup to go back.'));
  }
}

const statements = [
  // xid: of the round that chained it. settled: up to this sequence, no event can appear any more that is not chained.
  `CREATE TABLE audit_seal (
     position bigint PRIMARY KEY,
     sequence bigint NOT NULL UNIQUE,
     hash     bytea NOT NULL CHECK (length(hash) = 32),
     at       timestamptz NOT NULL DEFAULT clock_timestamp(),
     xid      xid8 NOT NULL DEFAULT pg_current_xact_id(),
     settled  bigint NOT NULL
   )`,
  `CREATE FUNCTION audit_seal_is_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
     BEGIN RAISE EXCEPTION 'audit_seal is append-only'; END $$`,
  `CREATE TRIGGER audit_seal_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_seal
     FOR EACH STATEMENT EXECUTE FUNCTION audit_seal_is_append_only()`,

  // A transaction has its number before its events have theirs: what "settled" rests on.
  `CREATE FUNCTION audit_event_has_a_transaction() RETURNS trigger LANGUAGE plpgsql AS $$
     BEGIN PERFORM pg_current_xact_id(); RETURN NULL; END $$`,
  `CREATE TRIGGER audit_event_transaction BEFORE INSERT ON audit_event
     FOR EACH STATEMENT EXECUTE FUNCTION audit_event_has_a_transaction()`,

  // A few pages for any size of the log, because times only grow.
  `CREATE INDEX audit_event_at ON audit_event USING brin (at)`,
];
