import { hashOf, mintOpaque } from '../web/opaque.js';
import type { Database, Transaction } from '../database/database.js';
import type { Registry } from '../registry/registry-snapshot.js';
import { growScopes } from './domain/interaction.js';
import type { InteractionEvents } from './interaction-events.js';
import type {
  InteractionRequest,
  Interactions,
  InteractionView,
  OpenedInteraction,
} from './interactions.js';
import { interactionSeconds } from './postgres-interaction-store.js';
import type { Interaction, PostgresInteractionStore } from './postgres-interaction-store.js';

export interface InteractionPlace {
  readonly database: Database;
  readonly store: PostgresInteractionStore;
  readonly publicUrl: string;
}

/** One pending interaction per key however often it is asked for (row 15); a fresh link for each answer. */
export class OpenInteraction implements Interactions {
  constructor(
    private readonly place: InteractionPlace,
    private readonly events: InteractionEvents,
    private readonly registry: Registry,
  ) {}

  async open(request: InteractionRequest): Promise<OpenedInteraction> {
    const link = mintOpaque().reveal();
    const id = await this.place.database.transaction(async (tx) => {
      const interaction = await this.ask(tx, request);
      await this.place.store.addLink(tx, interaction.id, hashOf(link));
      return interaction.id;
    });
    return {
      id,
      uri: `${this.place.publicUrl}/connect/${link}`,
      message: this.#message(request),
      expiresInSeconds: interactionSeconds,
    };
  }

  byId(id: string): Promise<InteractionView | undefined> {
    return this.place.store.byId(id);
  }

  async withdraw(interaction: InteractionView, requestId: string): Promise<void> {
    await this.place.database.transaction(async (tx) => {
      const { id } = interaction;
      if (!(await this.place.store.step(tx, id, 'decline', { status: 'declined' }))) return;
      await this.events.withdrawn(tx, interaction, requestId);
    });
  }

  /** The pending interaction of this key, with at least these scopes; without a link. */
  async ask(tx: Transaction, request: InteractionRequest): Promise<Interaction> {
    const { store } = this.place;
    const found = await store.openOne(tx, request);
    if (found.isNew) return this.#opened(tx, found.interaction);
    if (found.interaction.status === 'expired') {
      await store.step(tx, found.interaction.id, 'expire', { status: 'expired' });
      await this.events.ended(tx, found.interaction, 'expired');
      return this.#opened(tx, (await store.openOne(tx, request)).interaction);
    }
    const { scopes, grown } = growScopes(found.interaction.scopes, request.scopes);
    const { purpose, clientName, returnUri } = request;
    const asked = { purpose, clientName, returnUri, scopes, grown };
    await store.askAgain(tx, found.interaction.id, asked);
    return found.interaction;
  }

  async #opened(tx: Transaction, interaction: Interaction): Promise<Interaction> {
    await this.events.opened(tx, interaction);
    return interaction;
  }

  // For a person to read in somebody else's program: names nobody, promises nothing.
  #message({ upstreamId, purpose }: InteractionRequest): string {
    const name = this.registry.current().upstreamById(upstreamId)?.document.name ?? 'this service';
    if (purpose === 'scopes')
      return `${name} needs a permission that you have not given yet: open this link, sign in with your work account and allow it. You do this once.`;
    return `Connect ${name} to continue: open this link, sign in with your work account and allow it. You do this once.`;
  }
}
