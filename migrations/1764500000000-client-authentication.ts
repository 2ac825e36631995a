import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Keys that the vault signs with as an oauth client, and what it was given when it registered itself. */
export class ClientAuthentication1764500000000 implements MigrationInterface {
  readonly name = 'ClientAuthentication1764500000000';

  async up(queryRunner: QueryRunner): Promise<void> {
    for (const statement of statements) await queryRunner.query(statement);
  }

  down(): Promise<void> {
    return Promise.reject(new Error('Migrations go forward only; restore a backup to go back.'));
  }
}

const statements = [
  // A key is for one authorization server: an oauth client that moves to another one gets another key.
  `CREATE TABLE oauth_client_key (
     kid                  text PRIMARY KEY,
     oauth_client_id      uuid NOT NULL REFERENCES registry_resource ON DELETE CASCADE,
     authorization_server text NOT NULL,
     algorithm            text NOT NULL,
     public_jwk           jsonb NOT NULL,
     private_jwk          bytea NOT NULL,
     created_at           timestamptz NOT NULL DEFAULT clock_timestamp()
   )`,
  `CREATE INDEX oauth_client_key_newest ON oauth_client_key (oauth_client_id, authorization_server, algorithm, created_at DESC)`,

  `CREATE TABLE oauth_client_registration (
     oauth_client_id            uuid PRIMARY KEY REFERENCES registry_resource ON DELETE CASCADE,
     version                    bigint NOT NULL DEFAULT 1,
     authorization_server       text NOT NULL,
     client_id                  text NOT NULL,
     client_auth                text NOT NULL,
     client_secret              bytea,
     client_secret_expires_at   timestamptz,
     registration_access_token  bytea,
     registration_client_uri    text,
     registered_at              timestamptz NOT NULL DEFAULT now()
   )`,
];
