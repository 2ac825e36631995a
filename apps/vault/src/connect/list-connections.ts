import type { Consent } from '../grants/consent-store.js';
import type { GrantView } from '../grants/grants.js';
import type { OAuthClient } from '../registry/domain/oauth-client.js';
import type { Upstream } from '../registry/domain/upstream.js';
import type { ApplicationStanding, Registry, Stored } from '../registry/registry-snapshot.js';
import type { SessionPerson } from '../sessions/web-session.js';
import type { ConsentStores } from './consent-stores.js';
import { grantKeyOf } from './consent-requests.js';

export interface ConnectedApplication {
  readonly consent: Consent;
  readonly application: ApplicationStanding;
}

/** One upstream as a person sees it: connected by a grant, or only on offer. */
export interface Connection {
  readonly upstream: Stored<Upstream>;
  readonly oauthClient: Stored<OAuthClient>;
  /** Undefined where never connected, or disconnected. */
  readonly grant: GrantView | undefined;
  readonly applications: readonly ConnectedApplication[];
}

/** My connections: every upstream that signs in at a provider, in the order of its name. */
export class ListConnections {
  constructor(
    private readonly stores: Pick<ConsentStores, 'grants' | 'consents'>,
    private readonly registry: Registry,
  ) {}

  async list(person: SessionPerson): Promise<readonly Connection[]> {
    const [grants, consents] = await Promise.all([
      this.stores.grants.listOf(person),
      this.stores.consents.listOf(person),
    ]);
    const registry = this.registry.current();
    const issuer = registry.issuerById(person.issuerId)?.document.slug ?? '';
    const applicationOf = (consent: Consent): ConnectedApplication => ({
      consent,
      application: registry.standing(issuer, consent.application),
    });
    return this.#offers().map(({ upstream, oauthClient }) => ({
      upstream,
      oauthClient,
      grant: liveGrant(grants, person, upstream, oauthClient),
      applications: consents
        .filter(({ upstreamId }) => upstreamId === upstream.id)
        .map(applicationOf),
    }));
  }

  async one(person: SessionPerson, slug: string): Promise<Connection | undefined> {
    const all = await this.list(person);
    return all.find(({ upstream }) => upstream.document.slug === slug);
  }

  #offers(): { upstream: Stored<Upstream>; oauthClient: Stored<OAuthClient> }[] {
    const registry = this.registry.current();
    return registry.upstreams
      .flatMap((upstream) => {
        const { credential } = upstream.document;
        const oauthClient =
          credential.type === 'oauth' ? registry.oauthClient(credential.oauthClient) : undefined;
        return oauthClient ? [{ upstream, oauthClient }] : [];
      })
      .toSorted((a, b) => a.upstream.document.name.localeCompare(b.upstream.document.name));
  }
}

function liveGrant(
  grants: readonly GrantView[],
  person: SessionPerson,
  upstream: Stored<Upstream>,
  oauthClient: Stored<OAuthClient>,
): GrantView | undefined {
  const key = grantKeyOf(person, upstream, oauthClient);
  return grants.find(
    (grant) =>
      grant.oauthClientId === key.oauthClientId &&
      grant.partition === key.partition &&
      grant.status !== 'revoked',
  );
}
