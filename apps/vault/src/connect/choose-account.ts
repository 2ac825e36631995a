import type { Providers } from '../providers/provider.js';
import type { CompleteConsent } from './complete-consent.js';
import type { ConsentRequest } from './consent-requests.js';
import type { ConsentStores } from './consent-stores.js';
import { discard } from './receive-callback.js';

/** Which of two upstream accounts stays connected (row 13). Until this is said the old grant is untouched. */
export class ChooseAccount {
  constructor(
    private readonly stores: ConsentStores,
    private readonly completeConsent: CompleteConsent,
    private readonly providers: Providers,
  ) {}

  /** The new one replaces the old. */
  async replace(request: ConsentRequest, version: number, requestId: string): Promise<void> {
    const brought = await this.stores.unconfirmed.find(request);
    if (!brought || request.interaction.status !== 'confirming') return;
    await this.completeConsent.complete({ request, version, brought, requestId });
  }

  /** The old one stays. If it is not enough for what was asked, the question stays too. */
  async keep(request: ConsentRequest, requestId: string): Promise<void> {
    const { interaction, needsTrip } = request;
    if (interaction.status !== 'confirming') return;
    const brought = await this.stores.unconfirmed.find(request);
    await this.stores.database.transaction(async (tx) => {
      const { id, version } = interaction;
      await this.stores.unconfirmed.remove(tx, id);
      if (needsTrip) await this.stores.interactions.step(tx, id, 'reopen', { status: 'pending' });
      else await this.completeConsent.completeIn(tx, { request, version, requestId });
    });
    if (brought && request.oauthClient)
      await discard(this.providers.of(request.oauthClient), brought);
  }
}
