import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * Tokens that people bring: which version of an interaction the person has allowed while a page of the company's own
 * still is to bring the token; and of which ended connections nobody can tell the service.
 */
export class AllowedElsewhere1765100000000 implements MigrationInterface {
  readonly name = 'AllowedElsewhere1765100000000';

  async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query('ALTER TABLE interaction ADD COLUMN allowed_version bigint');
    await queryRunner.query(
      'ALTER TABLE leaver_connection ADD COLUMN left_alone boolean NOT NULL DEFAULT false',
    );
  }

  down(): Promise<void> {
    return Promise.reject(new Error('Migrations go forward only; restore a backup to go back.'));
  }
}
