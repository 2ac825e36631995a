import type { CustomFetch } from 'openid-client';
import type { Clock } from '#lib/clock/clock';
import type { OAuthClient } from '../registry/domain/oauth-client.js';
import type { Registry, Stored } from '../registry/registry-snapshot.js';
import { identityOf } from './client-identity.js';
import { clientAddresses } from './client-metadata.js';
import { ConcurrencyLimit, type RequestLimit } from './concurrency-limit.js';
import type { ProviderOutbound } from './normalising-outbound.js';
import { OpenIdProvider } from './openid-provider.js';
import { providerOfTemplate } from './provider-of-template.js';
import type { Provider, Providers } from './provider.js';
import { ServerMetadataSource } from './server-metadata.js';
import type { RegisterClient } from './register-client.js';
import { type RequestSlots, usualRequests } from './request-slots.js';
import type { SigningKeys } from './signing-keys.js';

/** What only a vault with a database of its own has. */
export interface OwnMeans {
  readonly keys?: SigningKeys;
  readonly register?: RegisterClient;
  readonly slots?: RequestSlots;
}

/** One provider per version of an oauth client: metadata is read again when the registration changes. */
export class OpenIdProviders implements Providers {
  readonly #known = new Map<string, { readonly version: number; readonly provider: Provider }>();
  readonly #limits = new Map<string, ConcurrencyLimit>();

  constructor(
    private readonly publicUrl: string,
    private readonly outbound: ProviderOutbound,
    private readonly registry: Pick<Registry, 'secrets'>,
    private readonly clock: Clock,
    /** Without it, clients that are registered by hand work, and the limit of requests is this process's. */
    private readonly own: OwnMeans = {},
  ) {}

  of(client: Stored<OAuthClient>): Provider {
    const known = this.#known.get(client.id);
    if (known?.version === client.version) return known.provider;
    const provider = this.#make(client);
    this.#known.set(client.id, { version: client.version, provider });
    return provider;
  }

  redirectUri(slug: string): string {
    return clientAddresses(this.publicUrl, slug).redirectUri;
  }

  #make(client: Stored<OAuthClient>): Provider {
    const { id, document } = client;
    const { outbound, clock, publicUrl } = this;
    const fetch: CustomFetch = (url, options) => outbound.fetch(url, options as RequestInit);
    const secrets = () => this.registry.secrets(id, 'clientSecret');
    const { keys, register } = this.own;
    const metadata = new ServerMetadataSource(document, fetch, clock);
    const server = () => metadata.read();
    const parts = {
      client: document,
      redirectUri: this.redirectUri(document.slug),
      metadata,
      outbound,
      identity: () => identityOf({ client, secrets, keys, register, server, publicUrl, clock }),
      limit: this.#limitOf(client),
      clock,
    };
    return providerOfTemplate(
      { ...parts, secrets },
      (wire) => new OpenIdProvider({ ...parts, outbound: wire }),
    );
  }

  /** Outlives the version, so that an edit does not double the requests in flight. */
  #limitOf({ id, document }: Stored<OAuthClient>): RequestLimit {
    const { maxConcurrentRequests: most = usualRequests } = document;
    const { slots } = this.own;
    if (slots) return { run: (work) => slots.run({ id, limit: most }, work) };
    const limit = this.#limits.get(id) ?? new ConcurrencyLimit(most);
    this.#limits.set(id, limit);
    return limit;
  }
}
