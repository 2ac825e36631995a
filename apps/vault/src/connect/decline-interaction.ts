import type { ConsentRecord } from './consent-record.js';
import type { ConsentRequest } from './consent-requests.js';
import type { ConsentStores } from './consent-stores.js';

/** Not now: nothing is connected, and whoever asked is told. */
export class DeclineInteraction {
  constructor(
    private readonly stores: ConsentStores,
    private readonly record: ConsentRecord,
  ) {}

  async decline(request: ConsentRequest, requestId: string): Promise<void> {
    const { database, interactions, unconfirmed } = this.stores;
    await database.transaction(async (tx) => {
      const { id } = request.interaction;
      const declined = await interactions.step(tx, id, 'decline', { status: 'declined' });
      if (!declined) return;
      await unconfirmed.remove(tx, id);
      await this.record.write(tx, request, {
        action: 'consent.declined',
        outcome: 'refused',
        requestId,
      });
      await this.record.ended(tx, request, 'declined');
    });
  }
}
