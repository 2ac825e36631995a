import type { MigrationInterface, QueryRunner } from 'typeorm';

/** People who have left, with the receipt of what was ended; and who tells of them by SCIM. */
export class Leavers1764700000000 implements MigrationInterface {
  readonly name = 'Leavers1764700000000';

  async up(queryRunner: QueryRunner): Promise<void> {
    for (const statement of statements) await queryRunner.query(statement);
  }

  down(): Promise<void> {
    return Promise.reject(new Error('Migrations go forward only; restore a backup to go back.'));
  }
}

const statements = [
  // Receipts outlive what they speak of: names beside ids, and no reference. While lifted_at is null the person is
  // barred. The receipt is what was true when the last provider had answered; before that it is made of the rows.
  // audit_after and audit_until: the records of it lie between these sequences.
  `CREATE TABLE leaver (
     id           uuid PRIMARY KEY DEFAULT gen_random_uuid(),
     number       bigint GENERATED ALWAYS AS IDENTITY UNIQUE,
     issuer_id    uuid NOT NULL,
     issuer       text NOT NULL,
     subject      text COLLATE "C" NOT NULL CHECK (subject <> ''),
     source       text NOT NULL CHECK (source IN ('admin','scim')),
     reason       text,
     ordered_by   jsonb NOT NULL,
     ordered_at   timestamptz NOT NULL DEFAULT now(),
     request_id   text NOT NULL,
     sessions     int NOT NULL DEFAULT 0,
     interactions int NOT NULL DEFAULT 0,
     consents     int NOT NULL DEFAULT 0,
     ended_at     timestamptz,
     settled_at   timestamptz,
     receipt      jsonb,
     audit_after  bigint NOT NULL,
     audit_until  bigint,
     lifted_at    timestamptz,
     lifted_by    jsonb,
     CHECK ((settled_at IS NULL) = (receipt IS NULL))
   )`,
  `CREATE UNIQUE INDEX leaver_bar ON leaver (issuer_id, subject) WHERE lifted_at IS NULL`,
  `CREATE INDEX leaver_person ON leaver (issuer_id, subject)`,
  `CREATE INDEX leaver_open ON leaver (ordered_at) WHERE settled_at IS NULL`,

  // One grant that was ended with the person, as it was then; owed: tokens that its provider is to end.
  `CREATE TABLE leaver_connection (
     leaver_id          uuid NOT NULL REFERENCES leaver ON DELETE CASCADE,
     grant_id           uuid NOT NULL,
     oauth_client       text,
     upstream           text,
     upstream_subject   text,
     upstream_account   text,
     scopes             text[] NOT NULL,
     status_before      text NOT NULL,
     connected_at       timestamptz NOT NULL,
     last_used_at       timestamptz,
     ended_at           timestamptz NOT NULL DEFAULT now(),
     access_token_until timestamptz,
     owed               int NOT NULL,
     unreadable         boolean NOT NULL,
     PRIMARY KEY (leaver_id, grant_id)
   )`,
  `CREATE INDEX provider_revocation_person ON provider_revocation (issuer_id, subject)`,
  `CREATE INDEX web_session_person ON web_session (issuer_id, subject)`,

  `CREATE TABLE scim_service (
     issuer_id         uuid PRIMARY KEY REFERENCES registry_resource ON DELETE CASCADE,
     subject_attribute text NOT NULL CHECK (subject_attribute IN ('externalId','userName')),
     updated_at        timestamptz NOT NULL DEFAULT now()
   )`,
  // Found by the hash of what the identity provider holds.
  `CREATE TABLE scim_token (
     id           uuid PRIMARY KEY DEFAULT gen_random_uuid(),
     issuer_id    uuid NOT NULL REFERENCES scim_service ON DELETE CASCADE,
     hash         bytea NOT NULL UNIQUE CHECK (length(hash) = 32),
     created_at   timestamptz NOT NULL DEFAULT now(),
     last_used_at timestamptz
   )`,
  `CREATE INDEX scim_token_issuer ON scim_token (issuer_id)`,
  `CREATE TABLE scim_user (
     id          uuid PRIMARY KEY DEFAULT gen_random_uuid(),
     number      bigint GENERATED ALWAYS AS IDENTITY,
     issuer_id   uuid NOT NULL REFERENCES scim_service ON DELETE CASCADE,
     user_name   text COLLATE "C" NOT NULL CHECK (user_name <> ''),
     external_id text COLLATE "C",
     subject     text COLLATE "C" NOT NULL CHECK (subject <> ''),
     active      boolean NOT NULL,
     created_at  timestamptz NOT NULL DEFAULT now(),
     updated_at  timestamptz NOT NULL DEFAULT now(),
     UNIQUE (issuer_id, subject)
   )`,
  `CREATE UNIQUE INDEX scim_user_name ON scim_user (issuer_id, lower(user_name))`,
  `CREATE INDEX scim_user_external_id ON scim_user (issuer_id, external_id)`,
  `CREATE INDEX scim_user_number ON scim_user (issuer_id, number)`,
];
