import { randomBytes, randomUUID } from 'node:crypto';
import { SynchronisedClock } from '#lib/clock/clock';
import { Secret } from '#lib/secret/secret';
import { PostgresAccessTokenKeys } from '../authorization-server/postgres-access-token-keys.js';
import type { ConsentRequest } from '../connect/consent-requests.js';
import { PostgresAuthorizationStore } from '../connect/postgres-authorization-store.js';
import { PostgresUnconfirmedAccountStore } from '../connect/postgres-unconfirmed-account-store.js';
import { PostgresGrantEnding } from '../grants/postgres-grant-ending.js';
import { PostgresGrantStore } from '../grants/postgres-grant-store.js';
import { PostgresHeldGrants } from '../grants/postgres-held-grants.js';
import {
  PostgresRevocationStore,
  type OwedRevocation,
} from '../grants/postgres-revocation-store.js';
import { PostgresRegistrations } from '../providers/postgres-registrations.js';
import { PostgresSigningKeys } from '../providers/postgres-signing-keys.js';
import type { TokenSet } from '../providers/token-set.js';
import { PostgresRegistryStore } from '../registry/postgres-registry-store.js';
import type { Sealer } from '../sealing/sealer.js';
import { PostgresLoginAttemptStore } from '../sessions/postgres-login-attempt-store.js';
import type { RotationFixture } from './rotation-fixture.js';

const tokens: TokenSet = {
  accessToken: new Secret('the-access-token'),
  refreshToken: new Secret('the-refresh-token'),
  tokenType: 'DPoP',
  dpopKey: new Secret('the-key'),
  issuedAt: Date.now() / 1000,
  expiresAt: Date.now() / 1000 + 3600,
  scopes: ['read'],
  idTokenClaims: undefined,
};

const target = { resource: 'https://api.example.com/', scopes: 'read' };

/** A value in every sealed column, written and read by the stores of their features. */
export class EverySealedValue {
  readonly #clock = new SynchronisedClock();
  readonly #stateHash = randomBytes(32);
  readonly #loginHash = randomBytes(32);
  #ids!: { issuerId: string; oauthClientId: string; upstreamId: string };
  #request!: ConsentRequest;
  #owed!: OwedRevocation;

  private constructor(private readonly fixture: RotationFixture) {}

  static async write(fixture: RotationFixture, sealer: Sealer): Promise<EverySealedValue> {
    const self = new EverySealedValue(fixture);
    await self.#registry(sealer);
    await self.#grant(sealer);
    await self.#trips(sealer);
    return self;
  }

  /** What each column's own store reads, by column. */
  async read(sealer: Sealer): Promise<Record<string, string | undefined>> {
    const { database } = this.fixture;
    const { oauthClientId } = this.#ids;
    const [secret] = await new PostgresRegistryStore(database, sealer).secrets(
      oauthClientId,
      'clientSecret',
    );
    const own = await new PostgresRegistrations(database, sealer).of(oauthClientId);
    const [key] = await new PostgresSigningKeys(database, sealer).live(this.#keyOwner());
    const owed = await new PostgresRevocationStore(database, sealer).open(this.#owed);
    const trip = await new PostgresAuthorizationStore(database, sealer).peek(this.#stateHash);
    const waiting = await new PostgresUnconfirmedAccountStore(database, sealer).find(this.#request);
    await database.query('UPDATE login_attempt SET used_at = NULL');
    const login = await new PostgresLoginAttemptStore(database, sealer).use(this.#loginHash);
    return {
      'registry_secret.sealed': secret?.reveal(),
      'oauth_client_registration.client_secret': own?.clientSecret?.reveal(),
      'oauth_client_registration.registration_access_token': own?.registrationAccessToken?.reveal(),
      'access_token_key.private_jwk': (
        await new PostgresAccessTokenKeys(database, sealer, this.#clock).signing()
      ).privateJwk
        .reveal()
        .slice(0, 8),
      'oauth_client_key.private_jwk': key?.privateJwk.reveal().slice(0, 8),
      ...(await this.#readGrant(sealer)),
      'provider_revocation.sealed': typeof owed === 'object' ? owed.reveal() : owed,
      'upstream_authorization.pkce_verifier': trip?.codeVerifier.reveal(),
      'upstream_authorization.dpop_key': trip?.dpopKey?.reveal(),
      'unconfirmed_account.sealed': waiting?.tokens.accessToken.reveal(),
      'login_attempt.pkce_verifier': login?.codeVerifier.reveal(),
      'login_attempt.return_to':
        login?.returnTo.page === 'link' ? login.returnTo.link.reveal() : undefined,
    };
  }

  async #readGrant(sealer: Sealer): Promise<Record<string, string | undefined>> {
    const { database } = this.fixture;
    const grants = new PostgresHeldGrants(database, sealer);
    const held = await grants.hold(this.#grantKey(), target.resource);
    const refreshToken = await database.transaction((tx) =>
      new PostgresGrantEnding(sealer).tokensToRevoke(tx, held?.grant.id ?? ''),
    );
    const [token] = held?.tokens ?? [];
    return {
      'access_token.sealed': (await token?.open())?.reveal(),
      'user_grant.dpop_key': (await token?.openKey())?.reveal(),
      'user_grant.refresh_token': (await refreshToken?.tokens[0]?.open())?.reveal(),
    };
  }

  async #registry(sealer: Sealer): Promise<void> {
    const { fixture } = this;
    const issuer = { issuer: `https://${randomUUID()}.example.com` };
    const issuerId = await fixture.resource('issuers', `corporate-${randomUUID()}`, issuer);
    const oauthClientId = await fixture.resource('oauth-clients', `snow-${randomUUID()}`);
    const upstreamId = await fixture.resource('upstreams', `demo-${randomUUID()}`);
    this.#ids = { issuerId, oauthClientId, upstreamId };
    const store = new PostgresRegistryStore(fixture.database, sealer);
    await fixture.database.transaction((tx) =>
      store.setSecret(tx, oauthClientId, 'clientSecret', [new Secret('the-client-secret')]),
    );
    await new PostgresSigningKeys(fixture.database, sealer).live(this.#keyOwner());
    await new PostgresAccessTokenKeys(fixture.database, sealer, this.#clock).signing();
    await new PostgresRegistrations(fixture.database, sealer).replace(oauthClientId, undefined, {
      authorizationServer: 'https://as.example.com',
      clientId: 'registered',
      clientAuth: 'client_secret_basic',
      clientSecret: new Secret('the-registered-secret'),
      clientSecretExpiresAt: undefined,
      registrationAccessToken: new Secret('the-registration-token'),
      registrationClientUri: undefined,
    });
  }

  async #grant(sealer: Sealer): Promise<void> {
    const { database } = this.fixture;
    const account = { subject: 'up-alice', name: 'alice' };
    const grant = await database.transaction((tx) =>
      new PostgresGrantStore(database, sealer, policies).store(tx, this.#grantKey(), tokens, {
        ...{ account, requestedScopes: ['read'], target },
      }),
    );
    const { issuerId, subject, oauthClientId } = this.#grantKey();
    this.#owed = await database.transaction((tx) =>
      new PostgresRevocationStore(database, sealer).add(tx, {
        ...{ grantId: grant.id, issuerId, subject, oauthClientId },
        ...{ tokenKind: 'refresh_token', cause: 'unconfirmed-account' },
        token: new Secret('the-owed-token'),
        validUntil: undefined,
        upstreamSubject: undefined,
      }),
    );
  }

  async #trips(sealer: Sealer): Promise<void> {
    const { database } = this.fixture;
    const { issuerId, oauthClientId, upstreamId } = this.#ids;
    const [interaction] = await database.query<{ id: string }>(
      `INSERT INTO interaction (issuer_id, subject, application, consumer, upstream_id, purpose, scopes, status, expires_at)
       VALUES ($1, 'alice', 'app', 'gateway', $2, 'connect', '{}', 'pending', now() + interval '1 hour') RETURNING id`,
      [issuerId, upstreamId],
    );
    const interactionId = interaction?.id ?? '';
    const [browserHash, sessionHash] = [randomBytes(32), randomBytes(32)];
    const trips = new PostgresAuthorizationStore(database, sealer);
    const person = { issuerId, subject: 'alice' };
    const trip = { interactionId, interactionVersion: 1, oauthClientId, sessionHash, browserHash };
    const about = { codeVerifier: new Secret('the-verifier'), nonce: 'nonce', scopes: [] };
    const bound = { resource: undefined, dpopKey: new Secret('the-key-of-the-trip') };
    const more = { ...person, ...trip, ...about, ...bound };
    // One that came back with the account that waits, and one on its way.
    const done = randomBytes(32);
    await database.transaction((tx) => trips.add(tx, { ...more, stateHash: done }));
    await trips.use(done);
    await database.transaction((tx) => trips.add(tx, { ...more, stateHash: this.#stateHash }));
    this.#request = {
      interaction: { id: interactionId, ...person },
      grantKey: { oauthClientId },
    } as unknown as ConsentRequest;
    const waiting = { tokens, account: undefined, scopes: [], resource: undefined };
    await database.transaction((tx) =>
      new PostgresUnconfirmedAccountStore(database, sealer).put(tx, this.#request, waiting),
    );
    await new PostgresLoginAttemptStore(database, sealer).add({
      stateHash: this.#loginHash,
      ...{ browserHash, issuerId, nonce: 'nonce', codeVerifier: new Secret('the-login-verifier') },
      returnTo: { page: 'link', link: new Secret('the-link'.repeat(20)) },
    });
  }

  #grantKey() {
    const { issuerId, oauthClientId, upstreamId: partition } = this.#ids;
    return { issuerId, subject: 'alice', oauthClientId, partition };
  }

  #keyOwner() {
    const { oauthClientId } = this.#ids;
    const authorizationServer = 'https://as.example.com';
    return { oauthClientId, authorizationServer, algorithm: 'ES256' as const };
  }
}

const policies = { of: () => ({ maxConcurrentRequests: 1, rules: {} }) };
