import type { Clock } from '#lib/clock/clock';
import type { ConsentStore } from '../grants/consent-store.js';
import { covers } from '../grants/domain/scope-set.js';
import { type GrantHolder, grantHolder } from '../grants/grant-holder.js';
import type { Grants, GrantKey, GrantView } from '../grants/grants.js';
import type { Interaction } from '../interactions/postgres-interaction-store.js';
import type { Issuer } from '../registry/domain/issuer.js';
import type { OAuthClient } from '../registry/domain/oauth-client.js';
import type { Upstream } from '../registry/domain/upstream.js';
import type { Credential } from '../registry/domain/upstream-credential.js';
import type { ApplicationStanding, Registry, Stored } from '../registry/registry-snapshot.js';
import { isSamePerson } from '../sessions/web-session.js';
import type { SessionPerson } from '../sessions/web-session.js';
import { needsTrip } from './domain/trip.js';
import type { HeldGrant } from './domain/trip.js';

/** The application of an interaction that the person began on our own page. */
export const nobody = '';

/** An interaction with everything that a page or a decision needs to know about it. */
export interface ConsentRequest {
  readonly interaction: Interaction;
  readonly issuer: Stored<Issuer>;
  readonly upstream: Stored<Upstream>;
  /** Our registration at the provider; undefined where the token is brought. */
  readonly oauthClient: Stored<OAuthClient> | undefined;
  /** What it takes beside the person's word: a trip to the provider, a token that is pasted here or handed over. */
  readonly way: 'provider' | 'paste' | 'page';
  /** RFC 8707 `resource` for the provider. */
  readonly resource: string | undefined;
  readonly application: ApplicationStanding;
  readonly grantKey: GrantKey;
  readonly grant: GrantView | undefined;
  /** What this application was allowed before: all else on the page is new. */
  readonly allowed: readonly string[];
  /** Whether the person's word is not enough. */
  readonly needsTrip: boolean;
}

const ways: Readonly<Partial<Record<Credential['type'], ConsentRequest['way']>>> = {
  'user-token': 'paste',
  external: 'page',
};

/** Interactions as the person they belong to sees them. */
export class ConsentRequests {
  constructor(
    private readonly registry: Registry,
    private readonly grants: Grants,
    private readonly consents: ConsentStore,
    private readonly clock: Clock,
  ) {}

  /** Undefined unless it is this person's (row 1), and while its upstream is still offered. */
  async of(
    person: SessionPerson,
    interaction: Interaction | undefined,
  ): Promise<ConsentRequest | undefined> {
    if (!interaction || !isSamePerson(person, interaction)) return undefined;
    return this.#describe(interaction);
  }

  async #describe(interaction: Interaction): Promise<ConsentRequest | undefined> {
    const registry = this.registry.current();
    const issuer = registry.issuerById(interaction.issuerId);
    const upstream = registry.upstreamById(interaction.upstreamId);
    const credential = upstream?.document.credential;
    const holder = upstream && grantHolder(registry, upstream);
    if (!issuer || !credential || !holder) return undefined;
    const { oauthClient } = holder;
    const application = registry.standing(issuer.document.slug, interaction.application);
    if (!mayAsk(interaction, application, issuer.document)) return undefined;
    const grantKey = grantKeyOf(interaction, holder);
    const [grant, consent] = await Promise.all([
      this.grants.find(grantKey),
      this.consents.find(interaction),
    ]);
    return {
      interaction,
      issuer,
      upstream,
      oauthClient,
      way: ways[credential.type] ?? 'provider',
      resource: credential.type === 'oauth' ? credential.resource : undefined,
      application,
      grantKey,
      grant,
      allowed: consent?.scopes ?? [],
      needsTrip: needsTrip(interaction, grant && heldGrant(grant), this.clock.now()),
    };
  }
}

/** An application that has something asks for more. */
export function isGrowth({ interaction, allowed }: ConsentRequest): boolean {
  return allowed.length > 0 && !covers(allowed, interaction.scopes);
}

// An application can be blocked after it was given a link.
function mayAsk(
  { application }: Interaction,
  { trust }: ApplicationStanding,
  { unknownApplications }: Issuer,
): boolean {
  if (application === nobody) return true;
  return trust === 'known' || (trust === 'unknown' && unknownApplications === 'ask');
}

export function grantKeyOf(
  { issuerId, subject }: SessionPerson,
  { id, partition }: Pick<GrantHolder, 'id' | 'partition'>,
): GrantKey {
  return { issuerId, subject, oauthClientId: id, partition };
}

export function heldGrant(grant: GrantView): HeldGrant {
  return {
    status: grant.status,
    requestedScopes: grant.requestedScopes,
    hasRefreshToken: grant.hasRefreshToken,
    isRejected: grant.rejectedAt !== undefined,
    accessTokenExpiresAt: grant.accessTokenExpiresAt && grant.accessTokenExpiresAt.getTime() / 1000,
  };
}
