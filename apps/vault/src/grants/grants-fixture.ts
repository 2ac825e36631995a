import { randomBytes } from 'node:crypto';
import { Secret } from '#lib/secret/secret';
import { type FreshDatabase, freshDatabase } from '#lib/testing/postgres-fresh-database';
import {
  type AuthorizationServerOptions,
  ScriptableAuthorizationServer,
} from '#lib/testing/scriptable-authorization-server';
import { type CrashPoint } from '../database/crash-point.js';
import { PostgresDatabase } from '../database/postgres-database.js';
import type { CollectionName } from '../registry/domain/collection.js';
import { PostgresRegistryStore } from '../registry/postgres-registry-store.js';
import { readKeyRing } from '../sealing/read-key-ring.js';
import { KeyRingSealer } from '../sealing/key-ring-sealer.js';
import { PostgresSealingKeyStore } from '../sealing/postgres-sealing-key-store.js';
import { type AccessTokenResult, type TokenWanted } from './access-token-for.js';
import type { GrantKey, GrantView } from './grants.js';
import { type IdleTimes } from './refresh-policies.js';
import { GrantsReplica } from './grants-replica-fixture.js';

const scopes = ['offline_access', 'read'];

const documents: Record<string, (issuer: string) => [CollectionName, Record<string, unknown>]> = {
  corporate: () => [
    'issuers',
    {
      issuer: 'http://127.0.0.1:1',
      jwksUri: 'http://127.0.0.1:1/jwks',
      login: { clientId: 'vault' },
    },
  ],
  snowid: (issuer) => [
    'oauth-clients',
    { name: 'Snow', issuer, clientId: 'vault-at-snow', scopes },
  ],
  snowdemo: () => [
    'upstreams',
    {
      name: 'Snowdemo',
      type: 'http',
      url: 'http://127.0.0.1:1/',
      credential: { type: 'oauth', oauthClient: 'snowid' },
    },
  ],
};

/** What a consent in the browser asked for and brought; default: everything, all of it, with a refresh token. */
export interface Trip {
  readonly requested?: readonly string[];
  readonly granted?: readonly string[];
  readonly resource?: string;
  readonly refreshable?: boolean;
}

/** A database with one issuer, oauth client and upstream, their authorization server, and replicas on them. */
export class GrantsFixture {
  readonly log: string[] = [];
  readonly #keyRing = randomBytes(32).toString('base64url');
  readonly #replicas: GrantsReplica[] = [];
  readonly ids: Record<string, string> = {};

  private constructor(
    readonly fresh: FreshDatabase,
    readonly server: ScriptableAuthorizationServer,
  ) {}

  static async start(options: AuthorizationServerOptions = {}): Promise<GrantsFixture> {
    const server = await ScriptableAuthorizationServer.start(options);
    const self = new GrantsFixture(await freshDatabase(), server);
    await self.#register();
    return self;
  }

  async #register(): Promise<void> {
    const seed = await this.replica();
    for (const [slug, documentOf] of Object.entries(documents)) {
      const [collection, document] = documentOf(this.server.issuer);
      const [row] = await seed.database.query<{ id: string }>(
        `INSERT INTO registry_resource (collection, slug, document) VALUES ($1, $2, $3) RETURNING id`,
        [collection, slug, JSON.stringify({ slug, ...document })],
      );
      this.ids[slug] = row?.id ?? '';
    }
    const store = new PostgresRegistryStore(seed.database, await this.sealer());
    await seed.database.transaction((tx) =>
      store.setSecret(tx, this.ids['snowid'] ?? '', 'clientSecret', [new Secret('s3cret')]),
    );
    await this.database.query('UPDATE registry_version SET version = version + 1');
    await seed.registry.refresh();
  }

  get database(): PostgresDatabase {
    const [first] = this.#replicas;
    if (first === undefined) throw new Error('There is no replica.');
    return first.database;
  }

  async sealer(): Promise<KeyRingSealer> {
    const keys = readKeyRing('env:KEYS', false, { KEYS: this.#keyRing });
    const sealer = new KeyRingSealer(new PostgresSealingKeyStore(this.database), keys);
    await sealer.unseal();
    return sealer;
  }

  async replica(
    options: { crashPoint?: CrashPoint; idle?: IdleTimes } = {},
  ): Promise<GrantsReplica> {
    const replica = await GrantsReplica.start(this.fresh.vaultUrl, this.#keyRing, {
      ...options,
      log: this.log,
    });
    this.#replicas.push(replica);
    return replica;
  }

  keyOf(subject: string): GrantKey {
    const {
      corporate: issuerId = '',
      snowid: oauthClientId = '',
      snowdemo: partition = '',
    } = this.ids;
    return { issuerId, subject, oauthClientId, partition };
  }

  /** What this person's consent in the browser would have stored. */
  async grantTo(subject: string, by: GrantsReplica, trip: Trip = {}): Promise<GrantView> {
    const { requested = scopes, granted = requested, resource, refreshable = true } = trip;
    const about = { subject: `up-${subject}`, clientId: 'vault-at-snow', scope: granted.join(' ') };
    const family = this.server.families.start(about);
    const refreshToken = this.server.families.issue(family);
    const issuedAt = Date.now() / 1000;
    const tokens = {
      accessToken: new Secret(`at_${family.id}_${randomBytes(16).toString('base64url')}`),
      refreshToken: refreshable ? new Secret(refreshToken) : undefined,
      tokenType: 'Bearer',
      issuedAt,
      expiresAt: issuedAt + this.server.accessTokenTtl,
      scopes: granted,
      idTokenClaims: undefined,
    };
    const account = { subject: about.subject, name: subject };
    return by.database.transaction((tx) =>
      by.grants.store(tx, this.keyOf(subject), tokens, account, { scopes: requested, resource }),
    );
  }

  /** The exchange's question for this person's token. */
  ask(subject: string, at: GrantsReplica, rejectedSha256?: Buffer): Promise<AccessTokenResult> {
    return this.askFor(subject, at, { rejectedSha256 });
  }

  async askFor(
    subject: string,
    at: GrantsReplica,
    some: Partial<TokenWanted>,
  ): Promise<AccessTokenResult> {
    const usual = {
      resource: '',
      scopes,
      allowed: scopes,
      rejectedSha256: undefined,
      canAsk: true,
    };
    const wanted = { key: this.keyOf(subject), ...usual, ...some };
    return at.tokens.get(wanted, await at.held.hold(wanted.key, wanted.resource));
  }

  /** Time passes for one grant: its token ended `seconds` ago and it is due. */
  async expire(grantId: string, seconds = 1): Promise<void> {
    await this.database.query(
      `UPDATE access_token SET issued_at = now() - make_interval(secs => $2 + 120),
              expires_at = now() - make_interval(secs => $2) WHERE grant_id = $1`,
      [grantId, seconds],
    );
    await this.database.query(
      `UPDATE user_grant SET refresh_after = now() - interval '1 second' WHERE id = $1`,
      [grantId],
    );
  }

  async row(grantId: string): Promise<Record<string, unknown>> {
    const [row] = await this.database.query('SELECT * FROM user_grant WHERE id = $1', [grantId]);
    if (row === undefined) throw new Error('There is no such grant.');
    return row;
  }

  async audited(action: string): Promise<number> {
    const [row] = await this.database.query<{ n: number }>(
      'SELECT count(*)::int AS n FROM audit_event WHERE action = $1',
      [action],
    );
    return row?.n ?? 0;
  }

  async stop(): Promise<void> {
    for (const replica of this.#replicas.toReversed()) await replica.stop();
    await this.server.stop();
    await this.fresh.drop();
  }
}
