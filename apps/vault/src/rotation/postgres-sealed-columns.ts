import { pkceVerifierPlace, tripKeyPlace } from '../connect/postgres-authorization-store.js';
import { unconfirmedAccountPlace } from '../connect/postgres-unconfirmed-account-store.js';
import { accessTokenPlace, dpopKeyPlace, refreshTokenPlace } from '../grants/sealed-places.js';
import { accessTokenKeyPlace } from '../authorization-server/postgres-access-token-keys.js';
import { signingKeyPlace } from '../providers/postgres-signing-keys.js';
import { registrySecretPlace } from '../registry/postgres-registry-store.js';
import { loginAttemptPlace } from '../sessions/postgres-login-attempt-store.js';
import type { SealedPlace } from '../sealing/sealer.js';
import { type SealedColumn, sealedColumn } from './postgres-sealed-column.js';

interface Person {
  readonly issuerId: string;
  readonly subject: string;
}

interface OfGrant extends Person {
  readonly id: string;
  readonly oauthClientId: string;
  readonly partition: string;
}

const grantFields = `g.id, g.issuer_id AS "issuerId", g.subject, g.oauth_client_id AS "oauthClientId", g.partition`;

const registration = (column: 'client_secret' | 'registration_access_token') =>
  sealedColumn<{ oauthClient: string }>({
    table: 'oauth_client_registration',
    column,
    key: [['oauth_client_id', 'uuid']],
    fields: 't.oauth_client_id AS "oauthClient"',
    placeOf: ({ oauthClient }) => ({
      table: 'oauth_client_registration',
      column,
      rowId: oauthClient,
      issuer: '',
      subject: '',
      oauthClient,
    }),
  });

interface OfTrip extends Person {
  readonly stateHash: Buffer;
  readonly oauthClientId: string;
}

const trip = (column: 'pkce_verifier' | 'dpop_key', placeOf: (trip: OfTrip) => SealedPlace) =>
  sealedColumn<OfTrip>({
    table: 'upstream_authorization',
    column,
    key: [['state_hash', 'bytea']],
    join: 'JOIN interaction i ON i.id = t.interaction_id',
    fields: `t.state_hash AS "stateHash", t.oauth_client_id AS "oauthClientId",
             i.issuer_id AS "issuerId", i.subject`,
    placeOf,
  });

/** Everything that data keys seal. A spec compares it with the columns that there are. */
export const sealedColumnsInOrder: readonly SealedColumn[] = [
  sealedColumn<{ resourceId: string; name: string; slot: number }>({
    table: 'registry_secret',
    column: 'sealed',
    key: [
      ['resource_id', 'uuid'],
      ['name', 'text'],
      ['slot', 'smallint'],
    ],
    fields: 't.resource_id AS "resourceId", t.name, t.slot',
    placeOf: ({ resourceId, name, slot }) => registrySecretPlace(resourceId, name, slot),
  }),
  sealedColumn<{ kid: string; oauthClientId: string }>({
    table: 'oauth_client_key',
    column: 'private_jwk',
    key: [['kid', 'text']],
    fields: 't.kid, t.oauth_client_id AS "oauthClientId"',
    placeOf: ({ kid, oauthClientId }) => signingKeyPlace({ oauthClientId }, kid),
  }),
  sealedColumn<{ kid: string }>({
    table: 'access_token_key',
    column: 'private_jwk',
    key: [['kid', 'text']],
    fields: 't.kid',
    placeOf: ({ kid }) => accessTokenKeyPlace(kid),
  }),
  registration('client_secret'),
  registration('registration_access_token'),
  sealedColumn<OfGrant>({
    table: 'user_grant',
    column: 'refresh_token',
    key: [['id', 'uuid']],
    fields: grantFields.replaceAll('g.', 't.'),
    placeOf: refreshTokenPlace,
  }),
  sealedColumn<OfGrant>({
    table: 'user_grant',
    column: 'dpop_key',
    key: [['id', 'uuid']],
    fields: grantFields.replaceAll('g.', 't.'),
    placeOf: dpopKeyPlace,
  }),
  sealedColumn<OfGrant & { resource: string; scopes: string }>({
    table: 'access_token',
    column: 'sealed',
    key: [
      ['grant_id', 'uuid'],
      ['resource', 'text'],
      ['scopes', 'text'],
    ],
    join: 'JOIN user_grant g ON g.id = t.grant_id',
    fields: `${grantFields}, t.resource, t.scopes`,
    placeOf: ({ resource, scopes, ...grant }) => accessTokenPlace(grant, { resource, scopes }),
  }),
  sealedColumn<Person & { id: string; oauthClient: string }>({
    table: 'provider_revocation',
    column: 'sealed',
    key: [['id', 'uuid']],
    fields: 't.id, t.issuer_id AS "issuerId", t.subject, t.oauth_client_id AS "oauthClient"',
    placeOf: ({ id: rowId, issuerId: issuer, subject, oauthClient }) => ({
      table: 'provider_revocation',
      column: 'sealed',
      rowId,
      issuer,
      subject,
      oauthClient,
    }),
  }),
  trip('pkce_verifier', pkceVerifierPlace),
  trip('dpop_key', tripKeyPlace),
  sealedColumn<Person & { id: string; oauthClientId: string }>({
    table: 'unconfirmed_account',
    column: 'sealed',
    key: [['interaction_id', 'uuid']],
    // The account came back from the newest trip of its interaction; a token that is brought makes none.
    join: `JOIN interaction i ON i.id = t.interaction_id
           LEFT JOIN LATERAL (SELECT a.oauth_client_id FROM upstream_authorization a
                          WHERE a.interaction_id = t.interaction_id AND a.used_at IS NOT NULL
                          ORDER BY a.used_at DESC LIMIT 1) trip ON true`,
    fields:
      'i.id, i.issuer_id AS "issuerId", i.subject, coalesce(trip.oauth_client_id, i.upstream_id) AS "oauthClientId"',
    placeOf: ({ oauthClientId, ...interaction }) =>
      unconfirmedAccountPlace({ interaction, oauthClient: { id: oauthClientId } }),
  }),
  sealedColumn<{ stateHash: Buffer; issuerId: string }>({
    table: 'login_attempt',
    column: 'pkce_verifier',
    key: [['state_hash', 'bytea']],
    fields: 't.state_hash AS "stateHash", t.issuer_id AS "issuerId"',
    placeOf: ({ stateHash, issuerId }) => loginAttemptPlace(stateHash, issuerId, 'pkce_verifier'),
  }),
  // A link to return to, sealed inside JSON; it is written together with the verifier, which stands behind the fence.
  sealedColumn<{ stateHash: Buffer; issuerId: string }>({
    table: 'login_attempt',
    column: 'return_to',
    key: [['state_hash', 'bytea']],
    fields: 't.state_hash AS "stateHash", t.issuer_id AS "issuerId"',
    placeOf: ({ stateHash, issuerId }) => loginAttemptPlace(stateHash, issuerId, 'return_to'),
    message: {
      read: `decode(t.return_to->>'sealed', 'base64')`,
      write: (fresh) =>
        `jsonb_set(t.return_to, '{sealed}', to_jsonb(translate(encode(${fresh}, 'base64'), E'\\n', '')))`,
    },
  }),
];
