import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Until when a provider itself asked to be left alone (Retry-After): no success ends that sooner. */
export class AskedPauses1765000000000 implements MigrationInterface {
  readonly name = 'AskedPauses1765000000000';

  async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query('ALTER TABLE provider_circuit ADD COLUMN asked_until timestamptz');
  }

  down(): Promise<void> {
    return Promise.reject(new Error('Migrations go forward only; restore a backup to go back.'));
  }
}
