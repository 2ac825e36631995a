import type { Database } from '../database/database.js';
import type { InteractionEvents } from './interaction-events.js';
import type { PostgresInteractionStore } from './postgres-interaction-store.js';

const batch = 100;

/** Ends interactions whose time is over, so that whoever waits for them hears of it. */
export class ExpireInteractions {
  constructor(
    private readonly database: Database,
    private readonly store: PostgresInteractionStore,
    private readonly events: InteractionEvents,
  ) {}

  /** Answers how many ended. */
  async run(): Promise<number> {
    const ended = await this.database.transaction(async (tx) => {
      const interactions = await this.store.expire(tx, batch);
      for (const interaction of interactions) await this.events.ended(tx, interaction, 'expired');
      return interactions.length;
    });
    return ended === batch ? ended + (await this.run()) : ended;
  }
}
