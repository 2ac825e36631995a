import type { MigrationInterface, QueryRunner } from 'typeorm';

/** After a restored backup: whether refresh tokens are held back, and which of them are still to be tested. */
export class Recovery1764800000000 implements MigrationInterface {
  readonly name = 'Recovery1764800000000';

  async up(queryRunner: QueryRunner): Promise<void> {
    for (const statement of statements) await queryRunner.query(statement);
  }

  down(): Promise<void> {
    return Promise.reject(new Error('Migrations go forward only; restore a backup to go back.'));
  }
}

const statements = [
  // held: nothing is refreshed at all · preparing: grants are queued · running · stopped: the queued ones stay held.
  `CREATE TABLE recovery (
     id            uuid PRIMARY KEY DEFAULT gen_random_uuid(),
     state         text NOT NULL CHECK (state IN ('held','preparing','running','stopped','finished')),
     backup_time   timestamptz,
     only_client   uuid,
     never_rotate  uuid[] NOT NULL DEFAULT '{}',
     rate          int NOT NULL DEFAULT 30,
     breaker_share float8 NOT NULL DEFAULT 0.5,
     position      uuid,
     actor         jsonb,
     marked_at     timestamptz NOT NULL DEFAULT clock_timestamp(),
     started_at    timestamptz,
     finished_at   timestamptz
   )`,
  `CREATE UNIQUE INDEX recovery_one_at_a_time ON recovery ((true)) WHERE state <> 'finished'`,

  `CREATE TABLE recovery_provider (
     recovery_id     uuid NOT NULL REFERENCES recovery ON DELETE CASCADE,
     oauth_client_id uuid NOT NULL,
     state           text NOT NULL DEFAULT 'testing' CHECK (state IN ('testing','stopped','finished')),
     confirmed       boolean NOT NULL DEFAULT false,
     alive           bigint NOT NULL DEFAULT 0,
     dead            bigint NOT NULL DEFAULT 0,
     gone            bigint NOT NULL DEFAULT 0,
     failures        bigint NOT NULL DEFAULT 0,
     next_test_at    timestamptz NOT NULL DEFAULT now(),
     PRIMARY KEY (recovery_id, oauth_client_id)
   )`,

  // A grant is held while its tokens are still those of the backup and nothing came of its test.
  `CREATE TABLE recovery_grant (
     grant_id        uuid PRIMARY KEY,
     recovery_id     uuid NOT NULL REFERENCES recovery ON DELETE CASCADE,
     issuer_id       uuid NOT NULL,
     subject         text COLLATE "C" NOT NULL,
     oauth_client_id uuid NOT NULL,
     token_version   bigint NOT NULL,
     outcome         text CHECK (outcome IN ('alive','dead','gone')),
     wanted_at       timestamptz,
     not_before      timestamptz NOT NULL DEFAULT now()
   )`,
  `CREATE INDEX recovery_grant_next ON recovery_grant (oauth_client_id, wanted_at, not_before, grant_id)
     WHERE outcome IS NULL`,
];
