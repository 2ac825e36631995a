import { randomBytes, randomUUID } from 'node:crypto';
import { exportJWK, generateKeyPair } from 'jose';
import type { JWK } from 'jose';
import { SynchronisedClock } from '#lib/clock/clock';
import { ClientAssertions } from '#lib/contract/client-assertion';
import type { LocalServer } from '#lib/testing/local-server';
import { queryDatabase } from '#lib/testing/postgres-query';
import type { Rotation } from '#lib/testing/refresh-families';
import { ScriptableAuthorizationServer } from '#lib/testing/scriptable-authorization-server';
import { TcpProxy } from '#lib/testing/tcp-proxy';
import { TestIssuer } from '#lib/testing/test-issuer';
import { makeGateway, makeVault } from './nodes.js';
import type { GatewayNode, VaultNode } from './nodes.js';
import { Person } from '#lib/testing/stack-person';
import { registerStack } from '#lib/testing/register-stack';
import { startUpstreamApi } from '#lib/testing/upstream-api';
import { VaultDoor } from '#lib/testing/vault-door';

export interface StackOptions {
  /** Default 2. */
  readonly vaults?: number;
  /** Default 0. */
  readonly gateways?: number;
  /** Default: a reuse grace of 2 s. */
  readonly rotation?: Rotation;
  /** Seconds; default 3600. */
  readonly accessTokenTtl?: number;
  /** How many upstreams the provider's tokens open, each a grant of its own; default 1. */
  readonly upstreams?: number;
  /** Added to the environment of the nth vault or gateway. */
  readonly env?: (name: string) => Readonly<Record<string, string>>;
  /** Loaded before each process of the product. */
  readonly preload?: string;
  /** The gateways' events can be taken away. */
  readonly eventCut?: boolean;
}

interface Ground {
  readonly laboratory: {
    readonly port: number;
    databaseUrl(name: string): string;
    vaultDatabaseUrl(name: string): string;
  };
  readonly database: string;
  readonly folder: string;
}

/** The product as operators run it: several vaults behind one address, gateways, Postgres, and the world around. */
export class FaultStack {
  vaults: readonly VaultNode[] = [];
  gateways: readonly GatewayNode[] = [];
  readonly adminToken = randomBytes(32).toString('base64url');
  readonly gatewayOrigin = 'http://127.0.0.1:9';
  readonly audience = this.gatewayOrigin;
  readonly names = { issuer: 'corporate', provider: 'provider', machine: 'faults-gateway' };
  readonly machineUpstreams = '*';
  #doors: readonly VaultDoor[] = [];

  private constructor(
    readonly ground: Ground,
    readonly options: StackOptions,
    readonly provider: ScriptableAuthorizationServer,
    readonly issuer: TestIssuer,
    readonly api: LocalServer,
    /** What browsers and gateways know as the vault: a load balancer. */
    readonly front: TcpProxy,
    private readonly key: JWK,
  ) {}

  static async start(ground: Ground, options: StackOptions): Promise<FaultStack> {
    const { rotation = { kind: 'grace', graceMs: 2_000 }, accessTokenTtl = 3_600 } = options;
    const provider = await ScriptableAuthorizationServer.start({ rotation, accessTokenTtl });
    const api = await startUpstreamApi(provider);
    const front = await TcpProxy.start({
      targets: () =>
        self.vaults.filter(({ process }) => process.hasBeenReady).map(({ port }) => port),
    });
    const { privateKey } = await generateKeyPair('ES256', { extractable: true });
    const key = { ...(await exportJWK(privateKey)), kid: 'g1', alg: 'ES256' };
    const issuer = await TestIssuer.start();
    const self = new FaultStack(ground, options, provider, issuer, api, front, key);
    try {
      await self.#boot();
    } catch (error) {
      await self.stop();
      throw error;
    }
    return self;
  }

  /** Where browsers reach the vault; another site than the providers. */
  get publicUrl(): string {
    return `http://localhost:${this.front.port}`;
  }

  get upstreams(): readonly string[] {
    return Array.from({ length: this.options.upstreams ?? 1 }, (_, i) => `tool-${i}`);
  }

  /** The nth vault as a gateway sees it, not through the load balancer. */
  door(vault: number): VaultDoor {
    const door = this.#doors[vault % this.#doors.length];
    if (door === undefined) throw new Error('this stack has no vault');
    return door;
  }

  person(name: string): Person {
    return new Person(this, name);
  }

  /** RFC 7523: what the gateway of this stack says who it is with; good for most of a minute. */
  assertion(): Promise<string> {
    const clock = new SynchronisedClock();
    const own = { clientId: 'faults-gateway', key: this.key, algorithm: 'ES256', keyId: 'g1' };
    return new ClientAssertions({ ...own, clock }).for(this.publicUrl);
  }

  /** `count` people, each connected with every upstream. */
  async connected(count: number, atOnce = 8): Promise<readonly Person[]> {
    const people = Array.from({ length: count }, (_, i) => this.person(`person-${i}`));
    const waiting = [...people];
    const connectAll = async (): Promise<void> => {
      for (let next = waiting.shift(); next; next = waiting.shift())
        for (const upstream of this.upstreams) await next.connect(upstream);
    };
    await Promise.all(Array.from({ length: atOnce }, connectAll));
    return people;
  }

  /** One statement as the owner of the database, not through any line of a vault. */
  sql<Row>(statement: string, values: readonly unknown[] = []): Promise<readonly Row[]> {
    const { laboratory, database } = this.ground;
    return queryDatabase<Row>(laboratory.databaseUrl(database), statement, values);
  }

  async count(from: string, values: readonly unknown[] = []): Promise<number> {
    const [row] = await this.sql<{ n: number }>(`SELECT count(*)::int AS n FROM ${from}`, values);
    return row?.n ?? 0;
  }

  /** Every stored access token is long over; `due` tells the background refresh too. */
  async expire(due: boolean): Promise<void> {
    await this.sql(
      `UPDATE access_token SET issued_at = now() - interval '2 hours', expires_at = now() - interval '1 hour'`,
    );
    if (due) await this.sql(`UPDATE user_grant SET refresh_after = now() WHERE status = 'active'`);
  }

  /** The admin API, by the load balancer. */
  admin(method: string, path: string, body?: unknown): Promise<Response> {
    return fetch(`${this.front.origin}/admin/v1/${path}`, {
      method,
      headers: {
        authorization: `Bearer ${this.adminToken}`,
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
  }

  /** An administrator ends the only grant of this person. */
  async revoke(person: string): Promise<void> {
    const listed = await this.admin('GET', `grants?subject=${person}`);
    const { items } = (await listed.json()) as { items: { id: string; status: string }[] };
    const grant = items.find(({ status }) => status !== 'revoked');
    const answer = await this.admin('DELETE', `grants/${grant?.id}`);
    await answer.body?.cancel();
    if (!answer.ok) throw new Error(`the grant of ${person} was not revoked: ${answer.status}`);
  }

  async stop(): Promise<void> {
    await Promise.all(this.#doors.map((door) => door.close()));
    const nodes = [...this.gateways, ...this.vaults];
    await Promise.all(nodes.map(({ process }) => process.kill()));
    await Promise.all(
      this.gateways.flatMap(({ vault, events }) => [
        vault.stop(),
        events?.stop() ?? Promise.resolve(),
      ]),
    );
    await Promise.all(this.vaults.map(({ postgres }) => postgres.stop()));
    await Promise.all([this.front, this.api, this.issuer, this.provider].map((p) => p.stop()));
  }

  async #boot(): Promise<void> {
    const { vaults = 2, gateways = 0, eventCut = false } = this.options;
    const { laboratory, database } = this.ground;
    const keyring = randomBytes(32).toString('base64url');
    const common = {
      SYMBOLON_MODE: 'development',
      SYMBOLON_VAULT_PUBLIC_URL: this.publicUrl,
      SYMBOLON_KEYRING: 'env:FAULTS_KEYRING',
      FAULTS_KEYRING: keyring,
      SYMBOLON_ADMIN_TOKEN: this.adminToken,
    };
    this.vaults = await Promise.all(
      numbered('vault', vaults).map((name) =>
        makeVault(
          this.#settings(name, common),
          laboratory.port,
          laboratory.vaultDatabaseUrl(database),
        ),
      ),
    );
    const [first, ...others] = this.vaults;
    // The first makes the sealing key; the others find it.
    await first?.process.start();
    await Promise.all(others.map(({ process }) => process.start()));
    await registerStack(this, this.key);
    this.#doors = this.vaults.map(({ url }) => new VaultDoor(url, this.key, this.names.machine));
    await this.#bootGateways(gateways, eventCut);
  }

  async #bootGateways(count: number, eventCut: boolean): Promise<void> {
    const env = {
      SYMBOLON_MODE: 'development',
      SYMBOLON_GATEWAY_PUBLIC_URL: this.gatewayOrigin,
      SYMBOLON_GATEWAY_ID: 'faults-gateway',
      SYMBOLON_GATEWAY_KEY: JSON.stringify(this.key),
      // A busy machine is no fault of the gateway's.
      SYMBOLON_GATEWAY_SHED_DELAY_MS: '0',
    };
    this.gateways = await Promise.all(
      numbered('gateway', count).map((name) =>
        makeGateway(this.#settings(name, env), this.front, eventCut),
      ),
    );
    await Promise.all(this.gateways.map(({ process }) => process.start()));
  }

  #settings(name: string, env: Readonly<Record<string, string>>) {
    const { folder } = this.ground;
    const own = { ...env, ...this.options.env?.(name) };
    return { name, folder, env: own, preload: this.options.preload };
  }
}

function numbered(name: string, count: number): readonly string[] {
  return Array.from({ length: count }, (_, i) => `${name}-${i}`);
}

/** A name that nobody else has. */
export function fresh(name: string): string {
  return `${name}-${randomUUID().slice(0, 8)}`;
}
