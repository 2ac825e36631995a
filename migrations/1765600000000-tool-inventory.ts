import type { MigrationInterface, QueryRunner } from 'typeorm';

/** How often what is known of an upstream's tools was forgotten: gateways learn it anew when this goes up. */
export class ToolInventory1765600000000 implements MigrationInterface {
  readonly name = 'ToolInventory1765600000000';

  async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(
      `CREATE TABLE upstream_tool_inventory (
         upstream_id uuid PRIMARY KEY REFERENCES registry_resource ON DELETE CASCADE,
         forgotten   integer NOT NULL
       )`,
    );
  }

  down(): Promise<void> {
    return Promise.reject(new Error('Migrations go forward only; restore a backup to go back.'));
  }
}
