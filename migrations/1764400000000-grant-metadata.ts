import type { MigrationInterface, QueryRunner } from 'typeorm';

/** What a provider tells once and its API wants at each call: instance URL, tenant, realm. Never a secret. */
export class GrantMetadata1764400000000 implements MigrationInterface {
  readonly name = 'GrantMetadata1764400000000';

  async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(
      `ALTER TABLE user_grant ADD COLUMN metadata jsonb NOT NULL DEFAULT '{}'`,
    );
  }

  down(): Promise<void> {
    return Promise.reject(new Error('Migrations go forward only; restore a backup to go back.'));
  }
}
