import type { MigrationInterface, QueryRunner } from 'typeorm';

/** The keys that people's tokens are bound to (RFC 9449): one per grant, made before the trip that brings it. */
export class ProofOfPossession1764900000000 implements MigrationInterface {
  readonly name = 'ProofOfPossession1764900000000';

  async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query('ALTER TABLE user_grant ADD COLUMN dpop_key bytea');
    await queryRunner.query('ALTER TABLE upstream_authorization ADD COLUMN dpop_key bytea');
  }

  down(): Promise<void> {
    return Promise.reject(new Error('Migrations go forward only; restore a backup to go back.'));
  }
}
