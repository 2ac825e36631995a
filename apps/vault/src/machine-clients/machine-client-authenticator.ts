import type { Clock } from '#lib/clock/clock';
import { IssuerKeys, type KeyHeader } from '#lib/jwt/issuer-keys';
import type { CachedKeyAnswer, JwksCache } from '#lib/jwt/jwks-cache';
import type { Logger } from '#lib/observability/logger';
import type { MachineClient } from '../registry/domain/machine-client.js';
import type { Registry, Stored } from '../registry/registry-snapshot.js';
import { claimedClient, refuseAssertion } from './verify-client-assertion.js';

export interface MachineClientAuthenticatorParts {
  readonly registry: Registry;
  readonly keys: JwksCache;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly publicUrl: string;
}

/** Recognises machine clients by private_key_jwt: at the token endpoint, and as the bearer of `/gateway/v1`. */
export class MachineClientAuthenticator {
  /** Keys given inline, parsed once per version of the registration. */
  readonly #inline = new WeakMap<Stored<MachineClient>, IssuerKeys | null>();

  constructor(private readonly parts: MachineClientAuthenticatorParts) {}

  /** Undefined when the assertion does not count; why is in the log alone. */
  async authenticate(assertion: string): Promise<Stored<MachineClient> | undefined> {
    const { registry, clock, publicUrl, logger } = this.parts;
    const slug = claimedClient(assertion);
    const client = slug === undefined ? undefined : registry.current().machineClient(slug);
    const refusal = client
      ? await refuseAssertion(assertion, { audience: publicUrl, now: clock.now() }, (header) =>
          this.#keyFor(client, header),
        )
      : 'iss and sub must both be the slug of a machine client.';
    if (refusal === undefined) return client;
    logger.info({
      event: 'machine_client.refused',
      client: client?.document.slug,
      detail: refusal,
    });
    return undefined;
  }

  #keyFor(client: Stored<MachineClient>, header: KeyHeader): Promise<CachedKeyAnswer> {
    const { jwksUri } = client.document;
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
