import type { Clock } from '#lib/clock/clock';
import { grantKeyOf, heldGrant } from '../connect/consent-requests.js';
import { needsTrip } from '../connect/domain/trip.js';
import type { ConsentStore } from '../grants/consent-store.js';
import { covers } from '../grants/domain/scope-set.js';
import type { Grants } from '../grants/grants.js';
import type { Registry } from '../registry/registry-snapshot.js';
import { signInResources } from '../registry/sign-in-resources.js';
import type { ClientSession } from './postgres-client-sessions.js';
import { upstreamScopes } from './upstream-scopes.js';

/** Whether what a person agreed to as they signed in still stands: else the client has to have them sign in again. */
export class ConnectionStanding {
  constructor(
    private readonly registry: Registry,
    private readonly grants: Grants,
    private readonly consents: ConsentStore,
    private readonly clock: Clock,
  ) {}

  /** Slug of the corporate issuer while it does; else undefined. */
  async of(session: ClientSession): Promise<string | undefined> {
    const registry = this.registry.current();
    const issuer = registry.issuerById(session.issuerId);
    const upstream = registry.upstreamById(session.upstreamId);
    const needed = upstream && upstreamScopes(registry, upstream);
    const isOffered = signInResources(registry).some(
      (one) => one.resource === session.resource && one.upstream.id === session.upstreamId,
    );
    if (!issuer || !needed || !isOffered) return undefined;
    const { slug, unknownApplications } = issuer.document;
    const { trust } = registry.standing(slug, session.clientId);
    if (trust === 'blocked') return undefined;
    if (trust === 'unknown' && unknownApplications === 'refuse') return undefined;
    const { issuerId, subject, clientId: application, upstreamId } = session;
    const [consent, grant] = await Promise.all([
      this.consents.find({ issuerId, subject, application, consumer: 'gateway', upstreamId }),
      this.grants.find(grantKeyOf(session, needed.holder)),
    ]);
    const asked = { purpose: 'connect' as const, scopes: needed.scopes };
    if (!consent || !covers(consent.scopes, asked.scopes)) return undefined;
    return needsTrip(asked, grant && heldGrant(grant), this.clock.now()) ? undefined : slug;
  }
}
