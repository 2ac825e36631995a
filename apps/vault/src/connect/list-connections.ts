import type { Consent } from '../grants/consent-store.js';
import { type GrantHolder, grantHolder } from '../grants/grant-holder.js';
import type { GrantKey, GrantView } from '../grants/grants.js';
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
  /** Undefined where the person brings the token. */
  readonly oauthClient: Stored<OAuthClient> | undefined;
  /** Undefined where never connected, or disconnected. */
  readonly grant: GrantView | undefined;
  readonly applications: readonly ConnectedApplication[];
}

/** My connections: every upstream that a person connects, in the order of its name. */
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
    return this.#offers().map(({ upstream, holder }) => ({
      upstream,
      oauthClient: holder.oauthClient,
      grant: liveGrant(grants, grantKeyOf(person, holder)),
      applications: consents
        .filter(({ upstreamId }) => upstreamId === upstream.id)
        .map(applicationOf),
    }));
  }

  async one(person: SessionPerson, slug: string): Promise<Connection | undefined> {
    const all = await this.list(person);
    return all.find(({ upstream }) => upstream.document.slug === slug);
  }

  #offers(): { upstream: Stored<Upstream>; holder: GrantHolder }[] {
    const registry = this.registry.current();
    return registry.upstreams
      .flatMap((upstream) => {
        const holder = grantHolder(registry, upstream);
        return holder ? [{ upstream, holder }] : [];
      })
      .toSorted((a, b) => a.upstream.document.name.localeCompare(b.upstream.document.name));
  }
}

function liveGrant(grants: readonly GrantView[], key: GrantKey): GrantView | undefined {
  return grants.find(
    (grant) =>
      grant.oauthClientId === key.oauthClientId &&
      grant.partition === key.partition &&
      grant.status !== 'revoked',
  );
}
