import type { MigrationInterface, QueryRunner } from 'typeorm';

/** What tools servers list, so that a change is noticed: fingerprints only, nothing of what they say. */
export class UpstreamTools1765300000000 implements MigrationInterface {
  readonly name = 'UpstreamTools1765300000000';

  async up(queryRunner: QueryRunner): Promise<void> {
    for (const statement of statements) await queryRunner.query(statement);
  }

  down(): Promise<void> {
    return Promise.reject(new Error('Migrations go forward only; restore a backup to go back.'));
  }
}

const statements = [
  // People may see different descriptions of one tool: several fingerprints of a name stand side by side.
  `CREATE TABLE upstream_tool (
     upstream_id          uuid NOT NULL REFERENCES registry_resource ON DELETE CASCADE,
     name                 text COLLATE "C" NOT NULL CHECK (length(name) BETWEEN 1 AND 256),
     fingerprint          text COLLATE "C" NOT NULL CHECK (fingerprint ~ '^[0-9a-f]{64}$'),
     -- changed: noticed and told, and not held.
     state                text NOT NULL CHECK (state IN ('approved','held','changed')),
     previous_fingerprint text COLLATE "C",
     first_seen_at        timestamptz NOT NULL DEFAULT now(),
     last_seen_at         timestamptz NOT NULL DEFAULT now(),
     PRIMARY KEY (upstream_id, name, fingerprint)
   )`,
  `CREATE INDEX upstream_tool_waiting ON upstream_tool (upstream_id, name) WHERE state <> 'approved'`,
];
