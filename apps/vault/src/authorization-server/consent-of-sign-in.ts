import type { ConsentRequest, ConsentRequests } from '../connect/consent-requests.js';
import type { Database } from '../database/database.js';
import type { ConsentStore } from '../grants/consent-store.js';
import { union } from '../grants/domain/scope-set.js';
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
    private readonly asking: {
      readonly requests: ConsentRequests;
      readonly consents: Pick<ConsentStore, 'find'>;
    },
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
    const { clientId: application, upstreamId } = signIn;
    const key = { issuerId, subject, application, upstreamId, consumer: 'gateway' };
    // A consent is recorded as the page shows it: what it had grown to must stand there too.
    const held = (await this.asking.consents.find(key))?.scopes ?? [];
    const had = held.filter((scope) => needed.offered.includes(scope));
    const interaction = await this.database.transaction((tx) =>
      this.opening.ask(tx, {
        ...key,
        purpose: 'connect',
        scopes: union(needed.scopes, had),
        clientName: signIn.clientName === '' ? undefined : signIn.clientName.slice(0, 64),
      }),
    );
    return this.asking.requests.of(session, interaction);
  }
}
