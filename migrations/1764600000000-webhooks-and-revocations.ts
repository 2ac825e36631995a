import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Webhook endpoints and what is to be delivered to them; revocations still owed to providers; since when a grant fails. */
export class WebhooksAndRevocations1764600000000 implements MigrationInterface {
  readonly name = 'WebhooksAndRevocations1764600000000';

  async up(queryRunner: QueryRunner): Promise<void> {
    for (const statement of statements) await queryRunner.query(statement);
  }

  down(): Promise<void> {
    return Promise.reject(new Error('Migrations go forward only; restore a backup to go back.'));
  }
}

const statements = [
  `ALTER TABLE registry_resource DROP CONSTRAINT registry_resource_collection_check,
     ADD CONSTRAINT registry_resource_collection_check CHECK (collection IN
       ('issuers','applications','oauth-clients','upstreams','machine-clients','webhooks'))`,

  // The message exactly as it is signed: a repeated attempt sends the same bytes under the same webhook-id.
  `CREATE TABLE webhook_delivery (
     sequence        bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
     id              uuid NOT NULL UNIQUE DEFAULT gen_random_uuid(),
     webhook_id      uuid NOT NULL REFERENCES registry_resource ON DELETE CASCADE,
     type            text NOT NULL,
     payload         text NOT NULL,
     state           text NOT NULL DEFAULT 'pending' CHECK (state IN ('pending','delivered','failed')),
     attempts        int NOT NULL DEFAULT 0,
     lease_id        uuid,
     next_attempt_at timestamptz,
     last_attempt_at timestamptz,
     last_status     int,
     last_error      text,
     created_at      timestamptz NOT NULL DEFAULT now(),
     queued_at       timestamptz NOT NULL DEFAULT now(),
     ended_at        timestamptz
   )`,
  `CREATE INDEX webhook_delivery_due ON webhook_delivery (webhook_id, next_attempt_at) WHERE state = 'pending'`,
  `CREATE INDEX webhook_delivery_ended ON webhook_delivery (ended_at) WHERE state <> 'pending'`,
  `CREATE INDEX webhook_delivery_of ON webhook_delivery (webhook_id, sequence)`,

  // The token is sealed here while its revocation is owed, and not a moment longer.
  `CREATE TABLE provider_revocation (
     id               uuid PRIMARY KEY DEFAULT gen_random_uuid(),
     grant_id         uuid,
     issuer_id        uuid NOT NULL,
     subject          text COLLATE "C" NOT NULL,
     oauth_client_id  uuid NOT NULL,
     upstream_subject text,
     token_kind       text NOT NULL CHECK (token_kind IN ('refresh_token','access_token')),
     cause            text NOT NULL CHECK (cause IN ('grant','unconfirmed-account')),
     sealed           bytea,
     valid_until      timestamptz,
     state            text NOT NULL DEFAULT 'pending'
                      CHECK (state IN ('pending','revoked','not-supported','expired','superseded','failed')),
     attempts         int NOT NULL DEFAULT 0,
     lease_id         uuid,
     next_attempt_at  timestamptz,
     last_attempt_at  timestamptz,
     created_at       timestamptz NOT NULL DEFAULT now(),
     ended_at         timestamptz,
     CHECK ((state = 'pending') = (sealed IS NOT NULL))
   )`,
  `CREATE INDEX provider_revocation_due ON provider_revocation (oauth_client_id, next_attempt_at) WHERE state = 'pending'`,
  `CREATE INDEX provider_revocation_grant ON provider_revocation (grant_id)`,
  `CREATE INDEX provider_revocation_ended ON provider_revocation (ended_at) WHERE state <> 'pending'`,

  // Null while refreshing works.
  `ALTER TABLE user_grant ADD COLUMN failing_since timestamptz, ADD COLUMN last_attempt_at timestamptz`,
  `UPDATE user_grant SET failing_since = updated_at, last_attempt_at = updated_at WHERE refresh_failures > 0`,
];
