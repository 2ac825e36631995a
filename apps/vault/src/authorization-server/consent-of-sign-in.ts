import type { ConsentRequest, ConsentRequests } from '../connect/consent-requests.js';
import type { Database } from '../database/database.js';
import type { OpenInteraction } from '../interactions/open-interaction.js';
import type { Registry } from '../registry/registry-snapshot.js';
import { signInResources } from '../registry/sign-in-resources.js';
import type { WebSession } from '../sessions/web-session.js';
import type { SignIn } from './postgres-sign-in-store.js';
import { upstreamScopes } from './upstream-scopes.js';

/** The consent that a sign-in needs of this person: the same request as if the client's first call had asked for it. */
export class ConsentOfSignIn {
  constructor(
    private readonly database: Database,
    private readonly opening: OpenInteraction,
    private readonly requests: ConsentRequests,
    private readonly registry: Registry,
  ) {}

  /** Undefined where this client may not ask this person, or not for this any more. Throws PersonLeft. */
  async of(signIn: SignIn, session: WebSession): Promise<ConsentRequest | undefined> {
    const registry = this.registry.current();
    const issuer = registry.issuerById(session.issuerId)?.document;
    const found = signInResources(registry).find(({ resource }) => resource === signIn.resource);
    const needed = found && upstreamScopes(registry, found.upstream);
    if (!issuer || !needed || found.upstream.id !== signIn.upstreamId) return undefined;
    const { trust } = registry.standing(issuer.slug, signIn.clientId);
    if (trust === 'blocked') return undefined;
    if (trust === 'unknown' && issuer.unknownApplications === 'refuse') return undefined;
    const { issuerId, subject } = session;
    const interaction = await this.database.transaction((tx) =>
      this.opening.ask(tx, {
        ...{ issuerId, subject, consumer: 'gateway', purpose: 'connect' },
        application: signIn.clientId,
        upstreamId: signIn.upstreamId,
        scopes: needed.scopes,
        clientName: signIn.clientName === '' ? undefined : signIn.clientName.slice(0, 64),
      }),
    );
    return this.requests.of(session, interaction);
  }
}
