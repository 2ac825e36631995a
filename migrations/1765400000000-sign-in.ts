import type { MigrationInterface, QueryRunner } from 'typeorm';

/** The vault as an authorization server: clients that registered themselves, sign-ins, what came of them, and its keys. */
export class SignIn1765400000000 implements MigrationInterface {
  readonly name = 'SignIn1765400000000';

  async up(queryRunner: QueryRunner): Promise<void> {
    for (const statement of statements) await queryRunner.query(statement);
  }

  down(): Promise<void> {
    return Promise.reject(new Error('Migrations go forward only; restore a backup to go back.'));
  }
}

const statements = [
  // What rules on claims need of the ID token of a sign-in: the named claims only.
  `ALTER TABLE web_session ADD COLUMN claims jsonb NOT NULL DEFAULT '{}'`,

  // RFC 7591. One that nobody ever signed in with goes after a day.
  `CREATE TABLE registered_client (
     client_id     text COLLATE "C" PRIMARY KEY,
     name          text NOT NULL,
     redirect_uris text[] NOT NULL,
     created_at    timestamptz NOT NULL DEFAULT now(),
     used_at       timestamptz,
     expires_at    timestamptz NOT NULL
   )`,
  `CREATE INDEX registered_client_expiry ON registered_client (expires_at)`,

  // One visit of the authorization endpoint. state_hash names the cookie of the browser that made it.
  `CREATE TABLE sign_in (
     id             uuid PRIMARY KEY DEFAULT gen_random_uuid(),
     state_hash     bytea NOT NULL CHECK (length(state_hash) = 32),
     browser_hash   bytea NOT NULL CHECK (length(browser_hash) = 32),
     client_id      text COLLATE "C" NOT NULL,
     client_name    text NOT NULL,
     redirect_uri   text NOT NULL,
     client_state   text,
     code_challenge text NOT NULL,
     resource       text NOT NULL,
     upstream_id    uuid NOT NULL REFERENCES registry_resource ON DELETE CASCADE,
     scopes         text[] NOT NULL,
     status         text NOT NULL DEFAULT 'pending' CHECK (status IN ('pending','allowed','answered')),
     issuer_id      uuid REFERENCES registry_resource ON DELETE CASCADE,
     subject        text COLLATE "C",
     session_hash   bytea,
     interaction_id uuid,
     expires_at     timestamptz NOT NULL,
     CHECK (status = 'pending' OR (issuer_id IS NOT NULL AND subject <> '' AND session_hash IS NOT NULL))
   )`,
  `CREATE INDEX sign_in_interaction ON sign_in (interaction_id)`,
  `CREATE INDEX sign_in_expiry ON sign_in (expires_at)`,

  // What an allowed sign-in gave a client: a code, redeemed once, then refresh tokens, each used once.
  `CREATE TABLE client_session (
     id             uuid PRIMARY KEY DEFAULT gen_random_uuid(),
     code_hash      bytea NOT NULL UNIQUE CHECK (length(code_hash) = 32),
     code_expires_at timestamptz NOT NULL,
     code_used_at   timestamptz,
     code_challenge text NOT NULL,
     redirect_uri   text NOT NULL,
     client_id      text COLLATE "C" NOT NULL,
     resource       text NOT NULL,
     upstream_id    uuid NOT NULL REFERENCES registry_resource ON DELETE CASCADE,
     scopes         text[] NOT NULL,
     issuer_id      uuid NOT NULL REFERENCES registry_resource ON DELETE CASCADE,
     subject        text COLLATE "C" NOT NULL CHECK (subject <> ''),
     claims         jsonb NOT NULL,
     signed_in_at   timestamptz NOT NULL DEFAULT now(),
     expires_at     timestamptz NOT NULL,
     ended_at       timestamptz
   )`,
  `CREATE INDEX client_session_person ON client_session (issuer_id, subject)`,
  `CREATE INDEX client_session_client ON client_session (client_id)`,
  `CREATE INDEX client_session_expiry ON client_session (expires_at)`,
  `CREATE TABLE client_session_refresh (
     hash       bytea PRIMARY KEY CHECK (length(hash) = 32),
     session_id uuid NOT NULL REFERENCES client_session ON DELETE CASCADE,
     used_at    timestamptz
   )`,
  `CREATE INDEX client_session_refresh_session ON client_session_refresh (session_id)`,

  `CREATE TABLE access_token_key (
     kid         text COLLATE "C" PRIMARY KEY,
     public_jwk  jsonb NOT NULL,
     private_jwk bytea NOT NULL,
     created_at  timestamptz NOT NULL DEFAULT now()
   )`,
];
