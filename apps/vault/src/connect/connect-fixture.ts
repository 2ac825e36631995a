import { PostgresAuditLog } from '../audit/postgres-audit-log.js';
import { randomBytes, randomUUID } from 'node:crypto';
import { createLogger } from '#lib/observability/logger';
import { freePort } from '#lib/testing/free-port';
import { HttpBrowser } from '#lib/testing/http-browser';
import type { VisitedPage } from '#lib/testing/http-browser';
import { freshDatabase } from '#lib/testing/postgres-fresh-database';
import { queryDatabase } from '#lib/testing/postgres-query';
import { ScriptableAuthorizationServer } from '#lib/testing/scriptable-authorization-server';
import { markDatabaseRestored } from '../../../../migrations/mark-restored.js';
import { readVaultConfig } from '../config.js';
import type { VaultConfig } from '../config.js';
import { PostgresDatabase } from '../database/postgres-database.js';
import { InteractionEvents } from '../interactions/interaction-events.js';
import type { InteractionRequest, OpenedInteraction } from '../interactions/interactions.js';
import { OpenInteraction } from '../interactions/open-interaction.js';
import { PostgresInteractionStore } from '../interactions/postgres-interaction-store.js';
import { startVault } from '../main.js';
import type { RunningVault } from '../main.js';
import type { Registry } from '../registry/registry-snapshot.js';

const adminToken = randomUUID();

/** A vault of its own with everything real: database, two authorization servers, HTTP. */
export class ConnectFixture {
  private constructor(
    readonly origin: string,
    readonly corporate: ScriptableAuthorizationServer,
    readonly provider: ScriptableAuthorizationServer,
    readonly database: PostgresDatabase,
    readonly stop: () => Promise<void>,
    readonly log: string[],
    private readonly databaseUrl: string,
    private readonly ownerUrl: string,
  ) {}

  static async start(): Promise<ConnectFixture> {
    const corporate = await ScriptableAuthorizationServer.start();
    const provider = await ScriptableAuthorizationServer.start();
    const fresh = await freshDatabase();
    const port = await freePort();
    const log: string[] = [];
    const config = configFor(port, fresh.vaultUrl);
    const logger = createLogger({
      app: 'vault',
      level: 'trace',
      destination: { write: (line: string) => void log.push(line) },
    });
    const vault = await startVault(config, logger);
    const database = new PostgresDatabase({
      url: fresh.vaultUrl,
      purpose: 'spec',
      maxConnections: 4,
    });
    const stop = async () => {
      await vault.stop();
      await database.close();
      await Promise.all([corporate.stop(), provider.stop()]);
      await fresh.drop();
    };
    const self = new ConnectFixture(
      config.publicUrl,
      corporate,
      provider,
      database,
      stop,
      log,
      fresh.vaultUrl,
      fresh.url,
    );
    await self.#register();
    return self;
  }

  /** A second vault on the same database, which cannot open what is sealed there. */
  async anotherWithTheWrongKeys(): Promise<RunningVault> {
    const config = configFor(await freePort(), this.databaseUrl);
    const write = (line: string) => void this.log.push(line);
    const logger = createLogger({ app: 'vault', level: 'trace', destination: { write } });
    return startVault(config, logger);
  }

  /** Creates or replaces a registry resource through the admin API. */
  async put(path: string, document: Record<string, unknown>): Promise<void> {
    const answer = await this.admin('PUT', path, document);
    if (!answer.ok) throw new Error(`PUT ${path}: ${answer.status} ${await answer.text()}`);
  }

  /** The admin API, by the bootstrap token. */
  admin(method: string, path: string, document: object): Promise<Response> {
    return fetch(`${this.origin}/admin/v1/${path}`, {
      method,
      headers: { authorization: `Bearer ${adminToken}`, 'content-type': 'application/json' },
      body: JSON.stringify(document),
    });
  }

  /** A GET of the admin API. */
  read(path: string): Promise<Response> {
    const headers = { authorization: `Bearer ${adminToken}` };
    return fetch(`${this.origin}/admin/v1/${path}`, { headers });
  }

  async #register(): Promise<void> {
    await this.put('issuers/corporate', {
      slug: 'corporate',
      issuer: this.corporate.issuer,
      login: { clientId: 'vault-login', clientSecret: 'login-secret' },
    });
    await this.put('applications/assistant', {
      slug: 'assistant',
      issuer: 'corporate',
      clientId: 'assistant-client',
      name: 'Assistant',
      trust: 'known',
    });
    await this.put('oauth-clients/snowid', {
      slug: 'snowid',
      name: 'Snow ID',
      issuer: this.provider.issuer,
      clientId: 'vault-at-snow',
      clientSecret: 'snow-secret',
      scopes: ['openid', 'offline_access', 'warehouse:read'],
    });
    for (const [slug, name] of [
      ['snowdemo', 'Snowdemo'],
      ['reports', 'Reports'],
    ] as const)
      await this.put(`upstreams/${slug}`, {
        slug,
        name,
        type: 'http',
        url: 'http://127.0.0.1:9/',
        credential: { type: 'oauth', oauthClient: 'snowid' },
      });
  }

  async idOf(collection: string, slug: string): Promise<string> {
    const [row] = await this.database.query<{ id: string }>(
      'SELECT id FROM registry_resource WHERE collection = $1 AND slug = $2',
      [collection, slug],
    );
    if (!row) throw new Error(`no ${collection}/${slug}`);
    return row.id;
  }

  /** As the exchange does when a person is needed. */
  async ask(
    subject: string,
    about: Partial<InteractionRequest> & { upstream?: string } = {},
  ): Promise<OpenedInteraction & { link: string }> {
    const { upstream = 'snowdemo', ...rest } = about;
    const opened = await this.opening().open({
      issuerId: await this.idOf('issuers', 'corporate'),
      subject,
      application: 'assistant-client',
      consumer: 'gateway',
      upstreamId: await this.idOf('upstreams', upstream),
      purpose: 'connect',
      scopes: ['offline_access', 'openid', 'warehouse:read'],
      clientName: undefined,
      ...rest,
    });
    return { ...opened, link: new URL(opened.uri).pathname };
  }

  opening(): OpenInteraction {
    const names = { upstreamById: () => undefined, issuerById: () => undefined };
    const registry = { current: () => names } as unknown as Registry;
    const events = new InteractionEvents(
      { publish: () => Promise.resolve() },
      registry,
      new PostgresAuditLog(),
    );
    const store = new PostgresInteractionStore(this.database);
    return new OpenInteraction(
      { database: this.database, store, publicUrl: this.origin },
      events,
      registry,
    );
  }

  /** While `work` runs nothing can be put on record. */
  async breakAudit(work: () => Promise<void>): Promise<void> {
    const rename = (from: string, to: string) =>
      queryDatabase(this.ownerUrl, `ALTER TABLE ${from} RENAME TO ${to}`);
    await rename('audit_event', 'audit_event_away');
    await work().finally(() => rename('audit_event_away', 'audit_event'));
  }

  /** As after a backup was restored. */
  restored(): Promise<void> {
    return markDatabaseRestored(this.ownerUrl);
  }

  /** A browser that does not leave by itself for addresses that `stopAt` matches. */
  browser(stopAt?: (url: URL) => boolean): HttpBrowser {
    return new HttpBrowser(stopAt);
  }

  /** A browser in which this person is signed in at the vault. */
  async signedIn(subject: string, stopAt?: (url: URL) => boolean): Promise<HttpBrowser> {
    const browser = this.browser(stopAt);
    this.corporate.subject = subject;
    await browser.get(`${this.origin}/connections`);
    return browser;
  }

  /** This person has allowed; their browser stands before the return from the provider. */
  async beforeReturn(subject: string): Promise<{ browser: HttpBrowser; callback: URL }> {
    const browser = await this.signedIn(subject, (url) => url.pathname.startsWith('/callback/'));
    const { link } = await this.ask(subject);
    const page = await browser.get(`${this.origin}${link}`);
    const { url } = await browser.submit(page, actionOf(page), { decision: 'allow' });
    return { browser, callback: url };
  }

  /** That browser comes back, and goes no further. */
  comeBack(browser: HttpBrowser, callback: URL): Promise<Response> {
    const headers = { cookie: browser.cookieHeader('localhost') };
    return this.fetch(callback.pathname + callback.search, { headers });
  }

  /** One answer, redirects not followed, no cookies but those given. */
  fetch(path: string, init: RequestInit = {}): Promise<Response> {
    return fetch(`${this.origin}${path}`, { redirect: 'manual', ...init });
  }

  async rows(sql: string, parameters: unknown[] = []): Promise<Record<string, unknown>[]> {
    return this.database.query(sql, parameters);
  }

  async count(table: string): Promise<number> {
    const [row] = await this.database.query<{ n: number }>(
      `SELECT count(*)::int AS n FROM ${table}`,
    );
    return row?.n ?? 0;
  }

  /** How often a code was redeemed at the provider. */
  get redemptions(): number {
    return this.provider.count('token', 'authorization_code');
  }
}

/** The heading, as a person reads it. */
export function heading(page: { body: string }): string {
  const inner = /<h1[^>]*>(.*?)<\/h1>/s.exec(page.body)?.[1] ?? '';
  return inner.replaceAll(/<[^>]+>/g, '').trim();
}

/** Where a page's form goes to. */
export function actionOf(page: VisitedPage): string {
  return /<form method="post" action="(\/requests\/[^"]+)"/.exec(page.body)?.[1] ?? '';
}

function configFor(port: number, databaseUrl: string): VaultConfig {
  return readVaultConfig({
    SYMBOLON_VAULT_PUBLIC_URL: `http://localhost:${port}`,
    SYMBOLON_VAULT_PORT: String(port),
    SYMBOLON_DATABASE_URL: databaseUrl,
    SYMBOLON_KEYRING: 'env:KEYS',
    SYMBOLON_ADMIN_TOKEN: adminToken,
    SYMBOLON_MODE: 'development',
    KEYS: randomBytes(32).toString('base64url'),
  });
}

/** The synchroniser token that a page's forms carry. */
export function csrfOf(page: { body: string }): string {
  return /name="csrf" value="([^"]+)"/.exec(page.body)?.[1] ?? '';
}
