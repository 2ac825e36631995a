import { PersonLeft } from '../bars/person-left.js';
import type { Transaction } from '../database/database.js';
import { consentLifetimeSeconds } from '../grants/consent-store.js';
import type { TokenSet, UpstreamAccount } from '../providers/token-set.js';
import { statusAfter } from '../interactions/domain/interaction.js';
import type { ConsentRecord } from './consent-record.js';
import { nobody } from './consent-requests.js';
import type { ConsentRequest } from './consent-requests.js';
import type { ConsentStores } from './consent-stores.js';

export interface Completion {
  readonly request: ConsentRequest;
  /** Of the interaction as the page showed it; a newer one needs a newer Allow. */
  readonly version: number;
  /** What the trip to the provider brought; absent where the grant there was is enough. */
  readonly brought?: {
    readonly tokens: TokenSet;
    readonly account: UpstreamAccount | undefined;
    readonly scopes: readonly string[];
    readonly resource: string | undefined;
  };
  readonly requestId: string;
}

/**
 * The end of a consent: interaction, grant, tokens, consent, audit and events in one transaction. Whoever is told
 * "connected" is told after its commit (promise R1).
 */
export class CompleteConsent {
  constructor(
    private readonly stores: ConsentStores,
    private readonly record: ConsentRecord,
  ) {}

  /** False where the interaction has ended or changed, or the person has left meanwhile; then nothing is stored. */
  async complete(completion: Completion): Promise<boolean> {
    try {
      return await this.stores.database.transaction((tx) => this.completeIn(tx, completion));
    } catch (error) {
      if (error instanceof PersonLeft) return false;
      throw error;
    }
  }

  /** Throws PersonLeft. */
  async completeIn(tx: Transaction, completion: Completion): Promise<boolean> {
    const { request, version, brought, requestId } = completion;
    const { interactions, grants, unconfirmed } = this.stores;
    const current = await interactions.lock(tx, request.interaction.id);
    const status = current && statusAfter(current.status, 'complete');
    if (!status || current.version !== version) return false;
    if (brought)
      await grants.store(tx, request.grantKey, brought.tokens, brought.account, {
        scopes: brought.scopes,
        resource: brought.resource,
      });
    await this.#recordConsent(tx, request);
    await unconfirmed.remove(tx, current.id);
    const account = brought ? brought.account : request.grant?.account;
    const outcome = { account: account?.name ?? account?.subject };
    await interactions.step(tx, current.id, 'complete', { status, outcome });
    await this.record.write(tx, request, {
      action: 'consent.given',
      outcome: 'success',
      requestId,
    });
    await this.record.ended(tx, request, 'completed');
    return true;
  }

  // Scopes come from the row, never from the form: Allow records exactly what the page showed.
  async #recordConsent(tx: Transaction, { interaction }: ConsentRequest): Promise<void> {
    const { issuerId, subject, application, consumer, upstreamId, scopes } = interaction;
    if (application === nobody) return;
    const key = { issuerId, subject, application, consumer, upstreamId };
    await this.stores.consents.record(tx, key, scopes, consentLifetimeSeconds);
  }
}
