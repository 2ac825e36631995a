import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * What is due is found by oauth client, in order; what is known of a provider that fails stands in one row that
 * all replicas see. Pages keep room for the next version of a row, and are swept before they pile up.
 */
export class RefreshAtScale1764100000000 implements MigrationInterface {
  readonly name = 'RefreshAtScale1764100000000';

  async up(queryRunner: QueryRunner): Promise<void> {
    for (const statement of statements) await queryRunner.query(statement);
  }

  down(): Promise<void> {
    return Promise.reject(new Error('Migrations go forward only; restore a backup to go back.'));
  }
}

const statements = [
  `CREATE INDEX user_grant_due_by_client ON user_grant (oauth_client_id, refresh_after)
     WHERE status IN ('active','refreshing') AND refresh_after IS NOT NULL`,
  `DROP INDEX user_grant_due`,
  `ALTER TABLE user_grant SET (fillfactor = 85, autovacuum_vacuum_scale_factor = 0.02)`,
  `ALTER TABLE access_token SET (fillfactor = 85, autovacuum_vacuum_scale_factor = 0.02)`,
  `CREATE TABLE provider_circuit (
     oauth_client_id uuid PRIMARY KEY REFERENCES registry_resource ON DELETE CASCADE,
     failures        int NOT NULL,
     paused_until    timestamptz,
     failing_since   timestamptz NOT NULL DEFAULT now(),
     error           text NOT NULL
   )`,
];
