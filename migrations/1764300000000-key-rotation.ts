import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * Rotation of data keys and of the key-encryption key: its progress, which process uses which key, and a fence
 * that keeps a process which missed it all from writing under a key that is being retired.
 */
export class KeyRotation1764300000000 implements MigrationInterface {
  readonly name = 'KeyRotation1764300000000';

  async up(queryRunner: QueryRunner): Promise<void> {
    for (const statement of statements) await queryRunner.query(statement);
  }

  down(): Promise<void> {
    return Promise.reject(new Error('Migrations go forward only; restore a backup to go back.'));
  }
}

const statements = [
  `ALTER TABLE sealing_key
     ADD COLUMN kek_version text NOT NULL DEFAULT '',
     ADD COLUMN wrapped_at timestamptz NOT NULL DEFAULT now(),
     DROP CONSTRAINT sealing_key_status_check,
     ADD CONSTRAINT sealing_key_status_check CHECK (status IN ('primary','readable','retiring'))`,

  // Hexadecimal ids: nothing here is sealed or a hash.
  `CREATE TABLE sealing_process (
     id          uuid PRIMARY KEY,
     name        text NOT NULL,
     primary_key text,
     data_keys   text[] NOT NULL,
     keks        text[] NOT NULL,
     problem     text,
     seen_at     timestamptz NOT NULL DEFAULT clock_timestamp()
   )`,

  `CREATE TABLE key_rotation (
     id          uuid PRIMARY KEY DEFAULT gen_random_uuid(),
     what        text NOT NULL CHECK (what IN ('data-key','key-encryption-key','retirement')),
     key_id      text NOT NULL,
     phase       text NOT NULL CHECK (phase IN ('announcing','switching','sealing','wrapping','finished')),
     waiting_for text,
     -- The process at it, and when it last was: another takes over from one that is silent.
     worker      uuid NOT NULL,
     worked_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
     position    jsonb,
     pass        int NOT NULL DEFAULT 1,
     found       bigint NOT NULL DEFAULT 0,
     sealed      bigint NOT NULL DEFAULT 0,
     broken      text[] NOT NULL DEFAULT '{}',
     outcome     text,
     actor       jsonb NOT NULL,
     started_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
     finished_at timestamptz
   )`,
  `CREATE UNIQUE INDEX key_rotation_one_at_a_time ON key_rotation ((true)) WHERE phase <> 'finished'`,
  `CREATE INDEX key_rotation_newest ON key_rotation (started_at DESC)`,

  // Whoever writes holds the key's lock, shared, until it commits; who begins to retire the key takes it alone. So
  // once a key is 'retiring', no row can come to stand under it any more, whatever a process believes.
  `CREATE FUNCTION sealed_by_living_key() RETURNS trigger LANGUAGE plpgsql AS $$
     DECLARE
       fresh bytea;
       stale bytea;
       key bytea;
     BEGIN
       EXECUTE format('SELECT ($1).%I', TG_ARGV[0]) INTO fresh USING NEW;
       IF fresh IS NULL THEN RETURN NEW; END IF;
       IF TG_OP = 'UPDATE' THEN
         EXECUTE format('SELECT ($1).%I', TG_ARGV[0]) INTO stale USING OLD;
         IF fresh = stale THEN RETURN NEW; END IF;
       END IF;
       key := substring(fresh FROM 3 FOR 16);
       PERFORM pg_advisory_xact_lock_shared(hashtextextended('symbolon/sealing-key/' || encode(key, 'hex'), 0));
       PERFORM FROM sealing_key WHERE id = key AND status <> 'retiring';
       IF NOT FOUND THEN
         RAISE EXCEPTION 'sealed by a key that is retired' USING ERRCODE = 'SYK01';
       END IF;
       RETURN NEW;
     END $$`,
];
