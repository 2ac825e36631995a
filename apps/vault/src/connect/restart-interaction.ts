import type { OpenInteraction } from '../interactions/open-interaction.js';
import type { ConsentRequest } from './consent-requests.js';
import type { ConsentStores } from './consent-stores.js';

/** Start again: the same question anew, for the person who was asked before. */
export class RestartInteraction {
  constructor(
    private readonly stores: ConsentStores,
    private readonly opening: OpenInteraction,
  ) {}

  /** Answers the id of the interaction that is pending now. */
  async restart({ interaction }: ConsentRequest): Promise<string> {
    const again = await this.stores.database.transaction((tx) => this.opening.ask(tx, interaction));
    return again.id;
  }
}
