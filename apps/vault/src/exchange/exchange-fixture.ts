import type { TokenSet } from '../providers/token-set.js';
import { randomBytes } from 'node:crypto';
import { exportJWK, generateKeyPair, SignJWT } from 'jose';
import type { CryptoKey, JWTPayload } from 'jose';
import { accessTokenType, clientAssertionType, tokenExchangeGrant } from '#lib/contract/exchange';
import { createLogger } from '#lib/observability/logger';
import { Secret } from '#lib/secret/secret';
import { freePort } from '#lib/testing/free-port';
import { type FreshDatabase, freshDatabase } from '#lib/testing/postgres-fresh-database';
import { ScriptableAuthorizationServer } from '#lib/testing/scriptable-authorization-server';
import { TestIssuer, type TokenAbout } from '#lib/testing/test-issuer';
import { readVaultConfig } from '../config.js';
import type { ConsentKey } from '../grants/consent-store.js';
import { GrantsReplica } from '../grants/grants-replica-fixture.js';
import type { GrantView } from '../grants/grants.js';
import { type RunningVault, startVault } from '../main.js';

export const gatewayUrl = 'https://gateway.example.com';
const scopes = ['offline_access', 'read'];
const adminToken = randomBytes(32).toString('base64url');

/** The members that specs look at; which of them are there, the status says. */
export interface AnsweredBody extends Record<string, unknown> {
  readonly error?: string;
  readonly access_token: string;
  readonly expires_in: number;
  readonly interaction_id: string;
}

export interface Answered {
  readonly status: number;
  readonly headers: Headers;
  readonly body: AnsweredBody;
}

/** Whole vault replicas on one database, an issuer, an authorization server and machine clients with keys. */
export class ExchangeFixture {
  readonly log: string[] = [];
  readonly vaults: RunningVault[] = [];
  readonly #keys = new Map<string, CryptoKey>();
  readonly #keyRing = randomBytes(32).toString('base64url');
  publicUrl = '';
  fresh!: FreshDatabase;
  issuer!: TestIssuer;
  provider!: ScriptableAuthorizationServer;
  /** The stores, for what a consent in the browser would have left behind. */
  seed!: GrantsReplica;

  static async start(): Promise<ExchangeFixture> {
    const self = new ExchangeFixture();
    self.fresh = await freshDatabase();
    self.issuer = await TestIssuer.start();
    self.provider = await ScriptableAuthorizationServer.start();
    self.publicUrl = `http://127.0.0.1:${await freePort()}`;
    await self.addVault();
    await self.#register();
    self.seed = await GrantsReplica.start(self.fresh.vaultUrl, self.#keyRing);
    return self;
  }

  async stop(): Promise<void> {
    await this.seed.stop();
    for (const vault of this.vaults) await vault.stop();
    await Promise.all([this.provider.stop(), this.issuer.stop()]);
    await this.fresh.drop();
  }

  async addVault(): Promise<RunningVault> {
    const config = readVaultConfig({
      SYMBOLON_MODE: 'development',
      SYMBOLON_VAULT_PUBLIC_URL: this.publicUrl,
      SYMBOLON_DATABASE_URL: this.fresh.vaultUrl,
      SYMBOLON_KEYRING: 'env:KEYS',
      SYMBOLON_ADMIN_TOKEN: adminToken,
      KEYS: this.#keyRing,
    });
    const destination = { write: (line: string) => void this.log.push(line) };
    const logger = createLogger({ app: 'vault', level: 'trace', destination });
    const vault = await startVault({ ...config, port: 0 }, logger);
    this.vaults.push(vault);
    return vault;
  }

  /** The admin API, by the bootstrap token. */
  admin(method: string, path: string, body?: unknown, headers = {}): Promise<Response> {
    const authorization = `Bearer ${adminToken}`;
    const type = typeof body === 'string' ? 'application/x-ndjson' : 'application/json';
    return fetch(`${this.vaults[0]?.origin}/admin/v1/${path}`, {
      method,
      headers: {
        authorization,
        ...(body === undefined ? {} : { 'content-type': type }),
        ...headers,
      },
      ...(body === undefined
        ? {}
        : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    });
  }

  /** Creates or replaces a resource through the admin API. */
  async put(path: string, document: Record<string, unknown>): Promise<void> {
    const slug = path.split('/')[1];
    const answer = await this.admin('PUT', path, { slug, ...document });
    if (!answer.ok) throw new Error(`PUT ${path}: ${answer.status} ${await answer.text()}`);
  }

  async #register(): Promise<void> {
    await this.put('issuers/corporate', {
      issuer: this.issuer.issuer,
      login: { clientId: 'vault', clientSecret: 'login-secret' },
    });
    const application = { issuer: 'corporate', name: 'An application' };
    await this.put('applications/bad', { ...application, clientId: 'bad-app', trust: 'blocked' });
    await this.registration();
    const oauth = { type: 'oauth', oauthClient: 'snowid' };
    for (const slug of ['snowdemo', 'unlisted'])
      await this.put(`upstreams/${slug}`, {
        name: slug,
        type: 'http',
        url: `http://127.0.0.1:9/${slug}`,
        credential: oauth,
      });
    await this.put('upstreams/guarded', {
      name: 'guarded',
      type: 'http',
      url: 'http://127.0.0.1:9/guarded',
      access: { claims: { department: { equals: 'research' } } },
      credential: oauth,
    });
    await this.put('upstreams/open', {
      name: 'open',
      type: 'http',
      url: 'http://127.0.0.1:9/open',
      credential: { type: 'none' },
    });
    await this.addClient('gateway', { kind: 'gateway', publicUrl: gatewayUrl });
    await this.addClient('robot', {
      kind: 'service',
      audiences: ['https://robot.example.com'],
      returnUris: ['https://robot.example.com/back?from=vault'],
    });
  }

  /** Our registration at the provider. */
  async registration(changes: Record<string, unknown> = {}): Promise<void> {
    await this.put('oauth-clients/snowid', {
      name: 'Snow ID',
      issuer: this.provider.issuer,
      clientId: 'vault-at-snow',
      clientSecret: 'snow-secret',
      scopes,
      ...changes,
    });
  }

  async addClient(slug: string, about: Record<string, unknown>): Promise<void> {
    const { privateKey, publicKey } = await generateKeyPair('ES256');
    this.#keys.set(slug, privateKey);
    const jwk = { ...(await exportJWK(publicKey)), kid: slug, alg: 'ES256', use: 'sig' };
    const upstreams = ['snowdemo', 'guarded', 'open'];
    await this.put(`machine-clients/${slug}`, { jwks: { keys: [jwk] }, upstreams, ...about });
  }

  /** private_key_jwt of a machine client; claims may be replaced. */
  assertion(slug = 'gateway', claims: JWTPayload = {}): Promise<string> {
    const key = this.#keys.get(slug);
    if (key === undefined) throw new Error(`no key of ${slug}`);
    const iat = Math.floor(Date.now() / 1000);
    const payload = { iss: slug, sub: slug, aud: this.publicUrl, iat, exp: iat + 60, ...claims };
    return new SignJWT(payload).setProtectedHeader({ alg: 'ES256', kid: slug }).sign(key);
  }

  /** A person's corporate token as their application holds it. */
  token(subject: string, about: Partial<TokenAbout> = {}): Promise<string> {
    const audience = `${gatewayUrl}/http/snowdemo`;
    return this.issuer.accessToken({ subject, clientId: 'assistant', audience, ...about });
  }

  /** The exchange; `undefined` leaves a parameter out, an array repeats it. */
  async exchange(
    subjectToken: string | undefined,
    changes: Record<string, string | readonly string[] | undefined> = {},
    at = 0,
  ): Promise<Answered> {
    const parameters: Record<string, string | readonly string[] | undefined> = {
      grant_type: tokenExchangeGrant,
      subject_token: subjectToken,
      subject_token_type: accessTokenType,
      audience: 'snowdemo',
      client_assertion_type: clientAssertionType,
      client_assertion: await this.assertion(),
      ...changes,
    };
    const form = new URLSearchParams();
    for (const [name, value] of Object.entries(parameters))
      for (const one of value === undefined ? [] : [value].flat()) form.append(name, one);
    return this.#answered(
      await fetch(`${this.vaults[at]?.origin}/oauth2/token`, { method: 'POST', body: form }),
    );
  }

  async interaction(id: string, client = 'gateway'): Promise<Answered> {
    const authorization = `Bearer ${await this.assertion(client)}`;
    const url = `${this.vaults[0]?.origin}/interactions/${id}`;
    return this.#answered(await fetch(url, { headers: { authorization } }));
  }

  async withdraw(id: string, client = 'gateway'): Promise<number> {
    const authorization = `Bearer ${await this.assertion(client)}`;
    const url = `${this.vaults[0]?.origin}/interactions/${id}`;
    return (await fetch(url, { method: 'DELETE', headers: { authorization } })).status;
  }

  async #answered(answer: Response): Promise<Answered> {
    const { status, headers } = answer;
    return { status, headers, body: (await answer.json()) as AnsweredBody };
  }

  async #ids(): Promise<{ issuerId: string; oauthClientId: string; upstreamId: string }> {
    const registry = await this.seed.registry.refresh();
    return {
      issuerId: registry.issuer('corporate')?.id ?? '',
      oauthClientId: registry.oauthClient('snowid')?.id ?? '',
      upstreamId: registry.upstream('snowdemo')?.id ?? '',
    };
  }

  /** What the callback would have stored. */
  async grant(
    subject: string,
    as: string | Partial<TokenSet> = {},
    requested: readonly string[] = scopes,
    granted: readonly string[] = requested,
  ) {
    const more = typeof as === 'string' ? { accessToken: new Secret(as) } : as;
    const made = `at_${subject}_${randomBytes(16).toString('hex')}`;
    const accessToken = more.accessToken?.reveal() ?? made;
    const { issuerId, oauthClientId, upstreamId } = await this.#ids();
    const about = {
      subject: `up-${subject}`,
      clientId: 'vault-at-snow',
      scope: granted.join(' '),
    };
    const family = this.provider.families.start(about);
    const issuedAt = Date.now() / 1000;
    const tokens = {
      accessToken: new Secret(accessToken),
      refreshToken: new Secret(this.provider.families.issue(family)),
      tokenType: 'Bearer',
      issuedAt,
      expiresAt: issuedAt + 120,
      scopes: granted,
      idTokenClaims: undefined,
      ...more,
    };
    const key = { issuerId, subject, oauthClientId, partition: upstreamId };
    const account = { subject: about.subject, name: subject };
    const grant: GrantView = await this.seed.database.transaction((tx) =>
      this.seed.grants.store(tx, key, tokens, account, { scopes: requested, resource: undefined }),
    );
    return { grant, accessToken };
  }

  /** What Allow would have recorded. */
  async consent(
    subject: string,
    about: Partial<ConsentKey> = {},
    allowed: readonly string[] = scopes,
  ): Promise<string> {
    const { issuerId, upstreamId } = await this.#ids();
    const key = { issuerId, subject, application: 'assistant', consumer: 'gateway', upstreamId };
    const consent = await this.seed.database.transaction((tx) =>
      this.seed.consents.record(tx, { ...key, ...about }, allowed, 3600),
    );
    return consent.id;
  }

  async count(sql: string, parameters: unknown[] = []): Promise<number> {
    const [row] = await this.seed.database.query<{ n: number }>(
      `SELECT count(*)::int AS n FROM ${sql}`,
      parameters,
    );
    return row?.n ?? 0;
  }
}
