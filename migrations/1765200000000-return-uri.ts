import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Where a service wants its person back once they have answered. */
export class ReturnUri1765200000000 implements MigrationInterface {
  readonly name = 'ReturnUri1765200000000';

  async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query('ALTER TABLE interaction ADD COLUMN return_uri text');
  }

  down(): Promise<void> {
    return Promise.reject(new Error('Migrations go forward only; restore a backup to go back.'));
  }
}
