import { hash } from 'node:crypto';
import type { Clock } from '#lib/clock/clock';
import { parseCompactToken } from '#lib/jwt/compact-token';
import { IssuerKeys, type KeyHeader } from '#lib/jwt/issuer-keys';
import type { CachedKeyAnswer, JwksCache } from '#lib/jwt/jwks-cache';
import type { Logger } from '#lib/observability/logger';
import type { MachineClient } from '../registry/domain/machine-client.js';
import type { Registry, RegistrySnapshot, Stored } from '../registry/registry-snapshot.js';
import { claimedClient, refuseAssertion } from './verify-client-assertion.js';
import type { WorkloadKeys } from './workload-keys.js';

export interface MachineClientAuthenticatorParts {
  readonly registry: Registry;
  readonly keys: JwksCache;
  readonly workloads: WorkloadKeys;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly publicUrl: string;
}

interface Counted {
  readonly client: Stored<MachineClient>;
  /** Epoch seconds. */
  readonly until: number;
}

const mostCounted = 1_000;
const countedSeconds = 10;

/** By its slug, where it signs for itself; by issuer and subject, where a cluster signs for it. */
function clientOf(
  registry: RegistrySnapshot,
  assertion: string,
): Stored<MachineClient> | undefined {
  const claimed = claimedClient(assertion);
  if (claimed === undefined) return undefined;
  const { issuer, subject } = claimed;
  if (issuer !== subject)
    return registry.machineClients.find(
      ({ document: { workload } }) => workload?.issuer === issuer && workload.subject === subject,
    );
  const client = registry.machineClient(issuer);
  return client?.document.workload === undefined ? client : undefined;
}

/** Of an assertion that counted: its `exp` is a number. */
function expiryOf(assertion: string): number {
  const parsed = parseCompactToken(assertion);
  return 'refusal' in parsed ? 0 : Number(parsed.claims['exp']);
}

/** Recognises machine clients by private_key_jwt: at the token endpoint, and as the bearer of `/gateway/v1`. */
export class MachineClientAuthenticator {
  /** Keys given inline, parsed once per version of the registration. */
  readonly #inline = new WeakMap<Stored<MachineClient>, IssuerKeys | null>();

  /** Assertions that counted, by SHA-256. One counts again while it lives and its registration is the same object. */
  readonly #counted = new Map<string, Counted>();

  constructor(private readonly parts: MachineClientAuthenticatorParts) {}

  /** Undefined when the assertion does not count; why is in the log alone. */
  async authenticate(assertion: string): Promise<Stored<MachineClient> | undefined> {
    const key = hash('sha256', assertion, 'base64');
    const known = this.#known(key);
    if (known !== undefined) return known;
    const client = await this.#verify(assertion);
    if (client !== undefined) this.#remember(key, client, expiryOf(assertion));
    return client;
  }

  #known(key: string): Stored<MachineClient> | undefined {
    const found = this.#counted.get(key);
    if (found === undefined) return undefined;
    const { registry, clock } = this.parts;
    const current = registry.current().machineClient(found.client.document.slug);
    if (current === found.client && clock.now() < found.until) return current;
    this.#counted.delete(key);
    return undefined;
  }

  /** Never past a part of its minute: a key that is taken away stops counting soon. */
  #remember(key: string, client: Stored<MachineClient>, expiresAt: number): void {
    if (this.#counted.size >= mostCounted) this.#counted.clear();
    const until = Math.min(this.parts.clock.now() + countedSeconds, expiresAt);
    this.#counted.set(key, { client, until });
  }

  async #verify(assertion: string): Promise<Stored<MachineClient> | undefined> {
    const { registry, clock, publicUrl, logger } = this.parts;
    const client = clientOf(registry.current(), assertion);
    const ofWorkload = client?.document.workload !== undefined;
    const expected = { audience: publicUrl, now: clock.now(), ofWorkload };
    const refusal = client
      ? await refuseAssertion(assertion, expected, (header) => this.#keyFor(client, header))
      : 'iss and sub must both be the slug of a machine client, or those of its workload.';
    if (refusal === undefined) return client;
    logger.info({
      event: 'machine_client.refused',
      client: client?.document.slug,
      detail: refusal,
    });
    return undefined;
  }

  #keyFor(client: Stored<MachineClient>, header: KeyHeader): Promise<CachedKeyAnswer> {
    const { jwksUri, workload } = client.document;
    if (workload !== undefined) return this.parts.workloads.keyFor(workload, header);
    if (jwksUri !== undefined) return this.parts.keys.keyFor(jwksUri, header);
    const keys = this.#inlineKeys(client);
    return keys?.find(header) ?? Promise.resolve({ missing: 'unusable-key' });
  }

  #inlineKeys(client: Stored<MachineClient>): IssuerKeys | null {
    const known = this.#inline.get(client);
    if (known !== undefined) return known;
    const keys = IssuerKeys.parse(Buffer.from(JSON.stringify(client.document.jwks))) ?? null;
    this.#inline.set(client, keys);
    return keys;
  }
}
