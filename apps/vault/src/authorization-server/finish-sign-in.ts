import type { AuditLog } from '../audit/audit-log.js';
import type { Database } from '../database/database.js';
import type { ConsentStore } from '../grants/consent-store.js';
import { covers } from '../grants/domain/scope-set.js';
import type { PostgresInteractionStore } from '../interactions/postgres-interaction-store.js';
import type { Registry } from '../registry/registry-snapshot.js';
import { isSelfRegistered } from '../registry/self-registered.js';
import type { WebSession } from '../sessions/web-session.js';
import { hashOf, mintOpaque } from '../web/opaque.js';
import { answerUrl } from './authorization-answer.js';
import type { PostgresClientSessions } from './postgres-client-sessions.js';
import type { PostgresRegisteredClients } from './postgres-registered-clients.js';
import type { PostgresSignInStore, SignIn } from './postgres-sign-in-store.js';
import { upstreamScopes } from './upstream-scopes.js';

export type Finished =
  /** Back to the client with a code. */
  | { readonly kind: 'returning'; readonly url: URL }
  /** The connection is not there yet: its own page goes on. */
  | { readonly kind: 'connecting'; readonly interactionId: string }
  | { readonly kind: 'declined' }
  /** Answered before, or too late. */
  | { readonly kind: 'over' };

export interface FinishSignInParts {
  readonly database: Database;
  readonly signIns: PostgresSignInStore;
  readonly sessions: PostgresClientSessions;
  readonly registered: PostgresRegisteredClients;
  readonly interactions: Pick<PostgresInteractionStore, 'byId'>;
  readonly consents: Pick<ConsentStore, 'find'>;
  readonly registry: Registry;
  readonly audit: AuditLog;
  readonly publicUrl: string;
}

/** The end of a sign-in that the person allowed: a code, if and only if their consent for this client stands. */
export class FinishSignIn {
  constructor(private readonly parts: FinishSignInParts) {}

  async finish(signIn: SignIn, session: WebSession, requestId: string): Promise<Finished> {
    const { interactionId } = signIn;
    const interaction = interactionId && (await this.parts.interactions.byId(interactionId));
    if (!interaction || interaction.status === 'declined' || interaction.status === 'expired')
      return (await this.decline(signIn, session, requestId)) ? { kind: 'declined' } : over;
    if (interaction.status !== 'completed')
      return { kind: 'connecting', interactionId: interaction.id };
    if (!(await this.#hasConsent(signIn, session)))
      return (await this.decline(signIn, session, requestId)) ? { kind: 'declined' } : over;
    return this.#answer(signIn, session, requestId);
  }

  /** Takes the answer away: no code comes of it. False where it was given before. */
  async decline(signIn: SignIn, session: WebSession, requestId: string): Promise<boolean> {
    return this.parts.database.transaction(async (tx) => {
      if (!(await this.parts.signIns.answer(tx, signIn.id, session))) return false;
      await this.parts.audit.record(tx, this.#record(signIn, session, 'refused', requestId));
      return true;
    });
  }

  async #hasConsent(signIn: SignIn, { issuerId, subject }: WebSession): Promise<boolean> {
    const registry = this.parts.registry.current();
    const upstream = registry.upstreamById(signIn.upstreamId);
    const needed = upstream && upstreamScopes(registry, upstream);
    if (!needed) return false;
    const { clientId: application, upstreamId } = signIn;
    const key = { issuerId, subject, application, consumer: 'gateway', upstreamId };
    const consent = await this.parts.consents.find(key);
    return consent !== undefined && covers(consent.scopes, needed.scopes);
  }

  async #answer(signIn: SignIn, session: WebSession, requestId: string): Promise<Finished> {
    const code = mintOpaque().reveal();
    const { signIns, sessions, registered, audit } = this.parts;
    const given = await this.parts.database.transaction(async (tx) => {
      if (!(await signIns.answer(tx, signIn.id, session))) return false;
      // First of all its row: an administrator who removes the client ends what was given before, and nothing is after.
      const isRegistered = await registered.use(tx, signIn.clientId);
      if (isSelfRegistered(signIn.clientId) && !isRegistered) return false;
      if (!(await sessions.add(tx, signIn, session, hashOf(code)))) return false;
      await audit.record(tx, this.#record(signIn, session, 'success', requestId));
      return true;
    });
    if (!given) return over;
    return { kind: 'returning', url: answerUrl(signIn, this.parts.publicUrl, { code }) };
  }

  #record(
    { clientId, redirectUri, resource, scopes }: SignIn,
    { issuerId, subject }: WebSession,
    outcome: 'success' | 'refused',
    requestId: string,
  ) {
    const issuer = this.parts.registry.current().issuerById(issuerId)?.document.slug ?? '';
    return {
      action: 'sign_in.answered',
      outcome,
      actor: { kind: 'person', issuer, subject, application: clientId },
      target: { resource, scopes, returnsTo: new URL(redirectUri).origin },
      requestId,
    } as const;
  }
}

const over: Finished = { kind: 'over' };
