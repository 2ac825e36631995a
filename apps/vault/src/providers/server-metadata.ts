import {
  allowInsecureRequests,
  customFetch,
  discovery,
  type CustomFetch,
  type ServerMetadata,
} from 'openid-client';
import type { Clock } from '#lib/clock/clock';
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

  async #discover(): Promise<ServerMetadata> {
    const server = new URL(this.client.issuer ?? '');
    const ask = async (algorithm: 'oidc' | 'oauth2') => {
      // Which schemes may be called is decided by libs/outbound.
      const options = {
        algorithm,
        execute: [allowInsecureRequests],
        [customFetch]: this.fetch,
      };
      const found = await discovery(server, 'unused', undefined, undefined, options);
      return found.serverMetadata();
    };
    return ask('oidc').catch((failure: unknown) =>
      ask('oauth2').catch(() => {
        throw failure;
      }),
    );
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
  };
}
