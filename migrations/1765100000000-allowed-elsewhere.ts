import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Which version of an interaction the person has allowed while a page of the company's own still is to bring the token. */
export class AllowedElsewhere1765100000000 implements MigrationInterface {
  readonly name = 'AllowedElsewhere1765100000000';

  async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query('ALTER TABLE interaction ADD COLUMN allowed_version bigint');
  }

  down(): Promise<void> {
    return Promise.reject(new Error('Migrations go forward only; restore a backup to go back.'));
  }
}
