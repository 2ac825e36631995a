import type { Transaction } from '../database/database.js';
import { mintOpaque } from '../web/opaque.js';
import type { BoundTrip } from '../sessions/browser-binding.js';
import type { WebSession } from '../sessions/web-session.js';
import type { CompleteConsent } from './complete-consent.js';
import type { ConsentRecord } from './consent-record.js';
import { makeDpopKey } from '../providers/dpop-key.js';
import { heldGrant } from './consent-requests.js';
import type { ConsentRequest } from './consent-requests.js';
import type { ConsentStores } from './consent-stores.js';
import { tripScopes } from './domain/trip.js';

/** `over`: it has ended meanwhile. `changed`: more is asked for now than the page showed. `leaving`: for a page of the company's own. */
export type AllowOutcome = 'completed' | 'going' | 'leaving' | 'changed' | 'over';

export interface Allowance {
  readonly request: ConsentRequest;
  readonly session: WebSession;
  /** Of the interaction, as the page carried it. */
  readonly version: number;
  readonly requestId: string;
}

/** The person allows it: done at once where a grant exists, else a trip to the provider begins. */
export class AllowInteraction {
  constructor(
    private readonly stores: ConsentStores,
    private readonly completeConsent: CompleteConsent,
    private readonly record: ConsentRecord,
  ) {}

  /** `trip` ties the authorization to the browser; called only if there is one. */
  async allow(allowance: Allowance, trip: () => BoundTrip): Promise<AllowOutcome> {
    const { request, version, requestId } = allowance;
    return this.stores.database.transaction(async (tx) => {
      const current = await this.stores.interactions.lock(tx, request.interaction.id);
      if (current?.status !== 'pending') return 'over';
      if (current.version !== version) return 'changed';
      if (!request.needsTrip) {
        await this.completeConsent.completeIn(tx, { request, version, requestId });
        return 'completed';
      }
      // Of a token that is pasted the word is no part alone.
      if (request.way === 'paste') return 'over';
      if (request.way === 'page') return this.#letGo(tx, allowance);
      await this.stores.authorizations.add(tx, authorizationOf(allowance, trip()));
      await this.stores.interactions.prolong(tx, current.id);
      await this.record.write(tx, request, {
        action: 'authorization.started',
        outcome: 'success',
        requestId,
      });
      return 'going';
    });
  }

  /** What is allowed now, the page's backend may ask about and bring a token for. */
  async #letGo(tx: Transaction, { request, requestId }: Allowance): Promise<AllowOutcome> {
    const { id } = request.interaction;
    await this.stores.interactions.noteAllowed(tx, id);
    const action = 'interaction.allowed';
    await this.record.write(tx, request, { action, outcome: 'success', requestId });
    return 'leaving';
  }
}

function authorizationOf({ request, session, version }: Allowance, trip: BoundTrip) {
  const { interaction, grantKey, oauthClient, resource, grant } = request;
  return {
    stateHash: trip.stateHash,
    browserHash: trip.browserHash,
    sessionHash: session.hash,
    interactionId: interaction.id,
    interactionVersion: version,
    oauthClientId: grantKey.oauthClientId,
    codeVerifier: mintOpaque(),
    nonce: mintOpaque().reveal(),
    scopes: tripScopes(interaction, grant && heldGrant(grant)),
    resource,
    dpopKey: oauthClient?.document.dpop === 'never' ? undefined : makeDpopKey(),
    issuerId: interaction.issuerId,
    subject: interaction.subject,
  };
}
