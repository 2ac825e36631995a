import { randomBytes } from 'node:crypto';
import type { JWK } from 'jose';
import type { Secret } from '#lib/secret/secret';
import type { LocalServer } from '#lib/testing/local-server';
import { registerStack } from '#lib/testing/register-stack';
import { ScriptableAuthorizationServer } from '#lib/testing/scriptable-authorization-server';
import { Person } from '#lib/testing/stack-person';
import type { StackWorld } from '#lib/testing/stack-world';
import { TestIssuer } from '#lib/testing/test-issuer';
import { until } from '#lib/testing/until';
import { startUpstreamApi } from '#lib/testing/upstream-api';
import { VaultDoor } from '#lib/testing/vault-door';
import { machineJwk } from './machine-jwk.js';
import { removeRegistered } from './remove-registered.js';

export interface DrillTarget {
  /** Replicas, or one address for all; the first is administered. */
  readonly vaults: readonly string[];
  readonly gateways: readonly string[];
  readonly adminToken: Secret;
  /** The first of three ports for the issuer, the provider and the upstream; 0: free ones. */
  readonly port: number;
}

/** Begins every slug that a drill registers. */
export const drillPrefix = 'drill-';

/** A staging as a drill meets it: over HTTP only, with an issuer, a provider and an upstream of the drill's own. */
export class DrillStack implements StackWorld {
  readonly upstreams: readonly string[];
  readonly machineUpstreams: readonly string[];
  readonly names: StackWorld['names'];
  readonly gateways: readonly { readonly url: string }[];
  readonly gatewayOrigin: string;
  readonly audience: string;
  #doors: readonly VaultDoor[] = [];
  #people = 0;

  private constructor(
    readonly target: DrillTarget,
    readonly issuer: TestIssuer,
    readonly provider: ScriptableAuthorizationServer,
    readonly api: LocalServer,
    private readonly key: JWK,
  ) {
    const name = `${drillPrefix}${randomBytes(4).toString('hex')}`;
    this.names = { issuer: name, provider: name, machine: name };
    this.upstreams = [name];
    this.machineUpstreams = [name];
    this.gateways = target.gateways.map((url) => ({ url }));
    this.gatewayOrigin = this.#publicUrlOf(name);
    this.audience = `urn:symbolon:${name}`;
  }

  /** One issuer for a whole drill: vaults remember the keys that they found at its address. */
  static startIssuer(target: DrillTarget): Promise<TestIssuer> {
    return TestIssuer.start('rfc9068', portOf(target, 0));
  }

  static async start(target: DrillTarget, issuer: TestIssuer): Promise<DrillStack> {
    const rotation = { kind: 'grace', graceMs: 2_000 } as const;
    const provider = await ScriptableAuthorizationServer.start({
      rotation,
      port: portOf(target, 1),
    });
    const api = await startUpstreamApi(provider, portOf(target, 2));
    const key = await machineJwk();
    const self = new DrillStack(target, issuer, provider, api, key);
    try {
      await registerStack(self, key);
      self.#doors = target.vaults.map((url) => new VaultDoor(url, key, self.names.machine));
      await self.#known();
    } catch (error) {
      await self.stop();
      throw error;
    }
    return self;
  }

  door(vault: number): VaultDoor {
    const door = this.#doors[vault % this.#doors.length];
    if (door === undefined) throw new Error('a drill needs a vault');
    return door;
  }

  /** So many people whom nobody has seen before, connected; their first token lives `ttl` seconds. */
  async connected(count: number, ttl: number): Promise<readonly Person[]> {
    this.provider.accessTokenTtl = ttl;
    const people = Array.from({ length: count }, () => this.newcomer());
    const waiting = [...people];
    const connectNext = async (): Promise<void> => {
      for (let next = waiting.shift(); next; next = waiting.shift()) await next.connect(this.tool);
    };
    await Promise.all(Array.from({ length: 4 }, connectNext));
    return people;
  }

  newcomer(): Person {
    this.#people += 1;
    return new Person(this, `${this.names.issuer}-person-${this.#people}`);
  }

  get tool(): string {
    return this.names.provider;
  }

  admin(method: string, path: string, body?: unknown): Promise<Response> {
    return fetch(`${this.target.vaults[0]}/admin/v1/${path}`, {
      method,
      redirect: 'error',
      headers: {
        authorization: `Bearer ${this.target.adminToken.reveal()}`,
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
  }

  /** Removes what was registered; answers what could not be removed. */
  async stop(): Promise<readonly string[]> {
    const { names } = this;
    const left = await removeRegistered((...call) => this.admin(...call), names.issuer);
    await Promise.all(this.#doors.map((door) => door.close()));
    await Promise.all([this.provider, this.api].map((server) => server.stop()));
    return left;
  }

  /** The other replicas and the gateways hear of what is new a moment later. */
  async #known(): Promise<void> {
    const person = this.newcomer();
    for (const [i, url] of this.target.vaults.entries()) {
      const isKnown = async () => (await person.exchange(this.tool, i)).kind === 'interaction';
      if (!(await until(isKnown, { seconds: 15, everyMs: 100 })))
        throw new Error(`${url} does not know the upstream of the drill`);
    }
    for (const [i, { url }] of this.gateways.entries()) {
      let status = 0;
      const isKnown = async () => {
        const answer = await person.call(this.tool, i).catch(() => undefined);
        await answer?.body?.cancel();
        status = answer?.status ?? 0;
        return status === 403;
      };
      if (!(await until(isKnown, { seconds: 15, everyMs: 250 })))
        throw new Error(
          `${url} answers ${status} for the upstream of the drill: does its machine client have it ("upstreams": "*")?`,
        );
    }
  }

  /** Of a gateway that only the vault has heard of. */
  #publicUrlOf(name: string): string {
    const isSecure = this.target.vaults[0]?.startsWith('https:') === true;
    return isSecure ? `https://${name}.invalid` : 'http://127.0.0.1:9';
  }
}

function portOf({ port }: DrillTarget, nth: number): number {
  return port === 0 ? 0 : port + nth;
}
