import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * The hash chain over audit events, and the role under which the vault works: it may add to both tables and
 * read them, nothing else. Chaining inserts too, so nothing of the log is ever updated.
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
  `CREATE TABLE audit_seal (
     position bigint PRIMARY KEY,
     sequence bigint NOT NULL UNIQUE,
     hash     bytea NOT NULL CHECK (length(hash) = 32),
     at       timestamptz NOT NULL DEFAULT clock_timestamp()
   )`,
  `CREATE INDEX audit_seal_at ON audit_seal (at)`,
  `CREATE FUNCTION audit_seal_is_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
     BEGIN RAISE EXCEPTION 'audit_seal is append-only'; END $$`,
  `CREATE TRIGGER audit_seal_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_seal
     FOR EACH STATEMENT EXECUTE FUNCTION audit_seal_is_append_only()`,
  // Roles belong to the whole server: another database of it may have made this one already.
  `DO $$ BEGIN
     IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'symbolon_vault') THEN
       CREATE ROLE symbolon_vault NOLOGIN;
     END IF;
   EXCEPTION
     WHEN duplicate_object OR unique_violation THEN NULL;
     WHEN insufficient_privilege THEN
       RAISE EXCEPTION 'The migrating user may not create the role symbolon_vault.'
         USING HINT = 'Run once as an administrator: CREATE ROLE symbolon_vault NOLOGIN; GRANT symbolon_vault TO <the user>;';
   END $$`,
  `DO $$ BEGIN
     IF NOT pg_has_role(current_user, 'symbolon_vault', 'MEMBER') THEN
       EXECUTE format('GRANT symbolon_vault TO %I', current_user);
     END IF;
   END $$`,
  `GRANT USAGE ON SCHEMA public TO symbolon_vault`,
  `GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO symbolon_vault`,
  `GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO symbolon_vault`,
  `ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO symbolon_vault`,
  `ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT USAGE ON SEQUENCES TO symbolon_vault`,
  `REVOKE UPDATE, DELETE ON audit_event, audit_seal FROM symbolon_vault`,
];
