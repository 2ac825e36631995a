import type { MigrationInterface, QueryRunner } from 'typeorm';

/** What the last check of a registry resource found wrong, in public words. */
export class RegistryCheck1763800000000 implements MigrationInterface {
  readonly name = 'RegistryCheck1763800000000';

  async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query('ALTER TABLE registry_resource ADD COLUMN check_failure text');
  }

  down(): Promise<void> {
    return Promise.reject(new Error('Migrations go forward only; restore a backup to go back.'));
  }
}
