import {
  allowInsecureRequests,
  customFetch,
  discovery,
  type CustomFetch,
  type ServerMetadata,
} from 'openid-client';
import type { Clock } from '#lib/clock/clock';
import { metadataAddresses } from '../registry/discover-issuer.js';
import type { OAuthClient } from '../registry/domain/oauth-client.js';
import { ProviderRefused } from './provider-refused.js';

const freshMs = 3_600_000;

/** Metadata of one authorization server: discovered (RFC 8414, OIDC Discovery) or given as endpoints. */
export class ServerMetadataSource {
  #known: { readonly metadata: ServerMetadata; readonly atMs: number } | undefined;
  #flight: Promise<ServerMetadata> | undefined;

  constructor(
    private readonly client: OAuthClient,
    private readonly fetch: CustomFetch,
    private readonly clock: Clock,
  ) {}

  /** Fresh for an hour; an older copy serves while the server does not answer. One fetch at a time. */
  async read(): Promise<ServerMetadata> {
    const known = this.#known;
    if (known && this.clock.monotonicMs() - known.atMs < freshMs) return known.metadata;
    this.#flight ??= this.#load().finally(() => (this.#flight = undefined));
    return known ? this.#flight.catch(() => known.metadata) : this.#flight;
  }

  async #load(): Promise<ServerMetadata> {
    const metadata = metadataOfEndpoints(this.client) ?? (await this.#discover());
    refuseUnusable(metadata);
    this.#known = { metadata, atMs: this.clock.monotonicMs() };
    return metadata;
  }

  /** The first failure where none of the places has it. */
  async #discover(): Promise<ServerMetadata> {
    const { issuer = '', discoverFrom } = this.client;
    const attempts =
      discoverFrom === undefined
        ? (['oidc', 'oauth2'] as const).map((algorithm) => () => this.#byIssuer(issuer, algorithm))
        : metadataAddresses(issuer, 'mcp').map((address) => () => this.#at(address, issuer));
    let first: unknown;
    for (const attempt of attempts) {
      try {
        return await attempt();
      } catch (error) {
        first ??= error;
      }
    }
    throw first;
  }

  #byIssuer(issuer: string, algorithm: 'oidc' | 'oauth2'): Promise<ServerMetadata> {
    return this.#ask(new URL(issuer), { algorithm });
  }

  async #at(address: string, issuer: string): Promise<ServerMetadata> {
    const metadata = await this.#ask(new URL(address), {});
    // RFC 8414 §3.3: openid-client compares only where it makes the address itself.
    if (metadata.issuer === issuer) return metadata;
    const detail = 'the metadata is that of another issuer';
    throw new ProviderRefused({ ok: false, code: 'transient', detail });
  }

  async #ask(server: URL, how: { algorithm?: 'oidc' | 'oauth2' }): Promise<ServerMetadata> {
    // Which schemes may be called is decided by libs/outbound.
    const options = { ...how, execute: [allowInsecureRequests], [customFetch]: this.fetch };
    const found = await discovery(server, 'unused', undefined, undefined, options);
    return found.serverMetadata();
  }
}

/** openid-client takes these on trust and throws TypeErrors later. */
function refuseUnusable(metadata: ServerMetadata): void {
  const { authorization_endpoint, token_endpoint } = metadata;
  for (const [name, url] of Object.entries({ authorization_endpoint, token_endpoint })) {
    if (typeof url === 'string' && /^https?:/.test(url) && URL.canParse(url)) continue;
    const detail = `the metadata has no usable ${name}`;
    throw new ProviderRefused({ ok: false, code: 'misconfigured', detail });
  }
}

function metadataOfEndpoints({ endpoints }: OAuthClient): ServerMetadata | undefined {
  if (endpoints === undefined) return undefined;
  return {
    // No issuer is known: nothing may be compared with this, so ID tokens and `iss` are left out.
    issuer: new URL(endpoints.token).origin,
    authorization_endpoint: endpoints.authorization,
    token_endpoint: endpoints.token,
    revocation_endpoint: endpoints.revocation,
    userinfo_endpoint: endpoints.userinfo,
    registration_endpoint: endpoints.registration,
  };
}
