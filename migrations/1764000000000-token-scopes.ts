import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * Several access tokens of one grant: what each was granted, and whether it was handed out since it was issued,
 * so that those which nobody uses are not refreshed for ever. Defaults that need no rewrite of the table.
 */
export class TokenScopes1764000000000 implements MigrationInterface {
  readonly name = 'TokenScopes1764000000000';

  async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(
      `ALTER TABLE access_token
         ADD COLUMN granted_scopes text[] NOT NULL DEFAULT '{}',
         ADD COLUMN used_at timestamptz NOT NULL DEFAULT now()`,
    );
  }

  down(): Promise<void> {
    return Promise.reject(new Error('Migrations go forward only; restore a backup to go back.'));
  }
}
