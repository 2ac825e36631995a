import type { CustomFetch } from 'openid-client';
import type { Clock } from '#lib/clock/clock';
import type { Outbound } from '#lib/outbound/outbound';
import type { OAuthClient } from '../registry/domain/oauth-client.js';
import type { Registry, Stored } from '../registry/registry-snapshot.js';
import { registeredIdentity } from './client-identity.js';
import { ConcurrencyLimit } from './concurrency-limit.js';
import { OpenIdProvider } from './openid-provider.js';
import type { Provider, Providers } from './provider.js';
import { ServerMetadataSource } from './server-metadata.js';
import type { SigningKeys } from './signing-keys.js';

const maxRequestsAtOnce = 10;

/** One provider per version of an oauth client: metadata is read again when the registration changes. */
export class OpenIdProviders implements Providers {
  readonly #known = new Map<string, { readonly version: number; readonly provider: Provider }>();
  readonly #limits = new Map<string, ConcurrencyLimit>();

  constructor(
    private readonly publicUrl: string,
    private readonly outbound: Outbound,
    private readonly registry: Pick<Registry, 'secrets'>,
    private readonly clock: Clock,
    /** What only a vault with a database of its own has; without it, clients of a secret work, or of none. */
    private readonly own: { readonly keys?: SigningKeys } = {},
  ) {}

  of(client: Stored<OAuthClient>): Provider {
    const known = this.#known.get(client.id);
    if (known?.version === client.version) return known.provider;
    const provider = this.#make(client);
    this.#known.set(client.id, { version: client.version, provider });
    return provider;
  }

  redirectUri(slug: string): string {
    return `${this.publicUrl}/callback/${slug}`;
  }

  #make(client: Stored<OAuthClient>): Provider {
    const { id, document } = client;
    const fetch: CustomFetch = (url, options) => this.outbound.fetch(url, options as RequestInit);
    return new OpenIdProvider({
      client: document,
      redirectUri: this.redirectUri(document.slug),
      metadata: new ServerMetadataSource(document, fetch, this.clock),
      outbound: this.outbound,
      identity: async () =>
        registeredIdentity({
          client,
          secrets: () => this.registry.secrets(id, 'clientSecret'),
          keys: this.own.keys,
          clock: this.clock,
        }),
      limit: this.#limitOf(id),
      clock: this.clock,
    });
  }

  /** Outlives the version, so that an edit does not double the requests in flight. */
  #limitOf(id: string): ConcurrencyLimit {
    const limit = this.#limits.get(id) ?? new ConcurrencyLimit(maxRequestsAtOnce);
    this.#limits.set(id, limit);
    return limit;
  }
}
