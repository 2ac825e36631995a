import type { MigrationInterface, QueryRunner } from 'typeorm';

/** The first schema. Subjects are byte-exact (collation C); every secret is a sealed message or a hash. */
export class InitialSchema1763700000000 implements MigrationInterface {
  readonly name = 'InitialSchema1763700000000';

  async up(queryRunner: QueryRunner): Promise<void> {
    for (const statement of statements) await queryRunner.query(statement);
  }

  down(): Promise<void> {
    return Promise.reject(new Error('Migrations go forward only; restore a backup to go back.'));
  }
}

const statements = [
  `CREATE TABLE registry_resource (
     id          uuid PRIMARY KEY DEFAULT gen_random_uuid(),
     collection  text NOT NULL CHECK (collection IN ('issuers','applications','oauth-clients','upstreams','machine-clients')),
     slug        text COLLATE "C" NOT NULL,
     version     bigint NOT NULL DEFAULT 1,
     document    jsonb NOT NULL,
     created_at  timestamptz NOT NULL DEFAULT now(),
     updated_at  timestamptz NOT NULL DEFAULT now(),
     UNIQUE (collection, slug)
   )`,
  // One row per issuer identifier: two rows for one iss would split one person in two.
  `CREATE UNIQUE INDEX registry_resource_issuer ON registry_resource ((document->>'issuer')) WHERE collection = 'issuers'`,

  `CREATE TABLE registry_secret (
     resource_id uuid NOT NULL REFERENCES registry_resource ON DELETE CASCADE,
     name        text NOT NULL,
     slot        smallint NOT NULL CHECK (slot IN (0, 1)),
     sealed      bytea NOT NULL,
     created_at  timestamptz NOT NULL DEFAULT now(),
     PRIMARY KEY (resource_id, name, slot)
   )`,

  // Counts every committed change of the registry; replicas and gateways compare it.
  `CREATE TABLE registry_version (single boolean PRIMARY KEY DEFAULT true CHECK (single), version bigint NOT NULL DEFAULT 1)`,
  `INSERT INTO registry_version DEFAULT VALUES`,

  `CREATE TABLE sealing_key (
     id         bytea PRIMARY KEY CHECK (length(id) = 16),
     kek_id     text NOT NULL,
     wrapped    bytea NOT NULL,
     canary     bytea NOT NULL,
     status     text NOT NULL CHECK (status IN ('primary','readable')),
     created_at timestamptz NOT NULL DEFAULT now()
   )`,
  `CREATE UNIQUE INDEX sealing_key_one_primary ON sealing_key (status) WHERE status = 'primary'`,

  `CREATE TABLE user_grant (
     id                     uuid PRIMARY KEY DEFAULT gen_random_uuid(),
     issuer_id              uuid NOT NULL REFERENCES registry_resource,
     subject                text COLLATE "C" NOT NULL CHECK (subject <> ''),
     oauth_client_id        uuid NOT NULL REFERENCES registry_resource,
     partition              text NOT NULL DEFAULT '',
     status                 text NOT NULL CHECK (status IN ('active','refreshing','needs_consent','revoked')),
     status_reason          text,
     status_since           timestamptz NOT NULL DEFAULT now(),
     version                bigint NOT NULL DEFAULT 1,
     token_version          bigint NOT NULL DEFAULT 1,
     upstream_subject       text,
     upstream_account       text,
     requested_scopes       text[] NOT NULL,
     granted_scopes         text[] NOT NULL,
     refresh_token          bytea,
     refresh_after          timestamptz,
     refresh_attempt_id     uuid,
     refresh_started_at     timestamptz,
     refresh_token_version  bigint,
     refresh_failures       int NOT NULL DEFAULT 0,
     refresh_paused_until   timestamptz,
     refresh_error          text,
     forced_refresh_at      timestamptz,
     rejected_at            timestamptz,
     last_used_at           timestamptz,
     created_at             timestamptz NOT NULL DEFAULT now(),
     updated_at             timestamptz NOT NULL DEFAULT now(),
     UNIQUE (issuer_id, subject, oauth_client_id, partition)
   )`,
  `CREATE INDEX user_grant_due ON user_grant (refresh_after) WHERE status IN ('active','refreshing') AND refresh_after IS NOT NULL`,
  `CREATE INDEX user_grant_oauth_client ON user_grant (oauth_client_id)`,

  `CREATE TABLE access_token (
     grant_id   uuid NOT NULL REFERENCES user_grant ON DELETE CASCADE,
     resource   text NOT NULL DEFAULT '',
     scopes     text NOT NULL DEFAULT '',
     sealed     bytea NOT NULL,
     sha256     bytea NOT NULL,
     token_type text NOT NULL DEFAULT 'Bearer',
     issued_at  timestamptz NOT NULL,
     expires_at timestamptz,
     PRIMARY KEY (grant_id, resource, scopes)
   )`,

  `CREATE TABLE client_consent (
     id          uuid PRIMARY KEY DEFAULT gen_random_uuid(),
     issuer_id   uuid NOT NULL REFERENCES registry_resource,
     subject     text COLLATE "C" NOT NULL,
     application text COLLATE "C" NOT NULL,
     consumer    text NOT NULL,
     upstream_id uuid NOT NULL REFERENCES registry_resource,
     scopes      text[] NOT NULL,
     created_at  timestamptz NOT NULL DEFAULT now(),
     expires_at  timestamptz NOT NULL,
     UNIQUE (issuer_id, subject, application, consumer, upstream_id)
   )`,
  `CREATE INDEX client_consent_upstream ON client_consent (upstream_id)`,

  `CREATE TABLE interaction (
     id           uuid PRIMARY KEY DEFAULT gen_random_uuid(),
     issuer_id    uuid NOT NULL REFERENCES registry_resource,
     subject      text COLLATE "C" NOT NULL,
     application  text COLLATE "C" NOT NULL,
     consumer     text NOT NULL,
     upstream_id  uuid NOT NULL REFERENCES registry_resource,
     purpose      text NOT NULL CHECK (purpose IN ('connect','reconnect','scopes')),
     scopes       text[] NOT NULL,
     client_name  text,
     status       text NOT NULL CHECK (status IN ('pending','confirming','completed','declined','expired')),
     version      bigint NOT NULL DEFAULT 1,
     outcome      jsonb,
     created_at   timestamptz NOT NULL DEFAULT now(),
     expires_at   timestamptz NOT NULL,
     ended_at     timestamptz
   )`,
  `CREATE UNIQUE INDEX interaction_one_pending ON interaction (issuer_id, subject, application, consumer, upstream_id)
     WHERE status IN ('pending','confirming')`,
  `CREATE INDEX interaction_expiry ON interaction (expires_at) WHERE status IN ('pending','confirming')`,

  `CREATE TABLE interaction_link (
     hash           bytea PRIMARY KEY,
     interaction_id uuid NOT NULL REFERENCES interaction ON DELETE CASCADE,
     created_at     timestamptz NOT NULL DEFAULT now(),
     expires_at     timestamptz NOT NULL
   )`,
  `CREATE INDEX interaction_link_interaction ON interaction_link (interaction_id, created_at)`,

  `CREATE TABLE web_session (
     hash          bytea PRIMARY KEY,
     issuer_id     uuid NOT NULL REFERENCES registry_resource ON DELETE CASCADE,
     subject       text COLLATE "C" NOT NULL,
     display_name  text NOT NULL,
     account       text NOT NULL,
     csrf_token    text NOT NULL,
     created_at    timestamptz NOT NULL DEFAULT now(),
     last_seen_at  timestamptz NOT NULL DEFAULT now(),
     expires_at    timestamptz NOT NULL
   )`,

  `CREATE TABLE login_attempt (
     state_hash    bytea PRIMARY KEY,
     browser_hash  bytea NOT NULL,
     issuer_id     uuid NOT NULL REFERENCES registry_resource ON DELETE CASCADE,
     pkce_verifier bytea NOT NULL,
     nonce         text NOT NULL,
     return_to     jsonb NOT NULL,
     created_at    timestamptz NOT NULL DEFAULT now(),
     expires_at    timestamptz NOT NULL,
     used_at       timestamptz
   )`,

  // "authorization" is a reserved word; one row per trip to an upstream, minted only after Allow.
  `CREATE TABLE upstream_authorization (
     state_hash          bytea PRIMARY KEY,
     interaction_id      uuid NOT NULL REFERENCES interaction ON DELETE CASCADE,
     interaction_version bigint NOT NULL,
     oauth_client_id     uuid NOT NULL REFERENCES registry_resource,
     session_hash        bytea NOT NULL,
     browser_hash        bytea NOT NULL,
     pkce_verifier       bytea NOT NULL,
     nonce               text,
     scopes              text[] NOT NULL,
     resource            text,
     created_at          timestamptz NOT NULL DEFAULT now(),
     expires_at          timestamptz NOT NULL,
     used_at             timestamptz
   )`,

  // Tokens of an account that differs from the connected one wait here until the person confirms.
  `CREATE TABLE unconfirmed_account (
     interaction_id   uuid PRIMARY KEY REFERENCES interaction ON DELETE CASCADE,
     sealed           bytea NOT NULL,
     upstream_subject text NOT NULL,
     upstream_account text,
     expires_at       timestamptz NOT NULL
   )`,

  `CREATE TABLE audit_event (
     sequence   bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
     at         timestamptz NOT NULL DEFAULT clock_timestamp(),
     action     text NOT NULL,
     outcome    text NOT NULL,
     actor      jsonb NOT NULL,
     target     jsonb NOT NULL,
     request_id text,
     detail     jsonb NOT NULL DEFAULT '{}'
   )`,
  `CREATE INDEX audit_event_action ON audit_event (action, sequence)`,
  `CREATE INDEX audit_event_subject ON audit_event ((actor->>'subject'), sequence)`,
  `CREATE FUNCTION audit_event_is_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
     BEGIN RAISE EXCEPTION 'audit_event is append-only'; END $$`,
  `CREATE TRIGGER audit_event_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_event
     FOR EACH STATEMENT EXECUTE FUNCTION audit_event_is_append_only()`,
];
