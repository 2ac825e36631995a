import type { Transaction } from '../database/database.js';
import type { EventPublisher } from '../events/event-publisher.js';
import type { Registry } from '../registry/registry-snapshot.js';
import type { InteractionView } from './interactions.js';

/** Tells the gateways that wait for an interaction how it ended. */
export class InteractionEvents {
  constructor(
    private readonly events: EventPublisher,
    private readonly registry: Registry,
  ) {}

  async ended(
    tx: Transaction,
    interaction: InteractionView,
    state: 'completed' | 'declined' | 'expired',
  ): Promise<void> {
    const registry = this.registry.current();
    await this.events.publish(tx, {
      type: 'interaction',
      issuer: registry.issuerById(interaction.issuerId)?.document.slug ?? '',
      subject: interaction.subject,
      interactionId: interaction.id,
      application: interaction.application,
      upstream: registry.upstreamById(interaction.upstreamId)?.document.slug ?? '',
      state,
    });
  }
}
