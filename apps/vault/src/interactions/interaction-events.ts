import type { AuditLog } from '../audit/audit-log.js';
import type { Transaction } from '../database/database.js';
import type { EventPublisher } from '../events/event-publisher.js';
import type { Registry } from '../registry/registry-snapshot.js';
import type { InteractionView } from './interactions.js';

/** Records that a person was asked, and tells the gateways that wait how it ended. */
export class InteractionEvents {
  constructor(
    private readonly events: EventPublisher,
    private readonly registry: Registry,
    private readonly audit: AuditLog,
  ) {}

  async opened(tx: Transaction, interaction: InteractionView): Promise<void> {
    const { issuer, upstream } = this.#names(interaction);
    const { id, subject, application, consumer, purpose } = interaction;
    await this.audit.record(tx, {
      action: 'interaction.opened',
      outcome: 'success',
      actor: { kind: 'machine', client: consumer, issuer, subject, application },
      target: { interaction: id, upstream, scopes: interaction.scopes },
      detail: { purpose },
    });
  }

  async ended(
    tx: Transaction,
    interaction: InteractionView,
    state: 'completed' | 'declined' | 'expired',
  ): Promise<void> {
    const { issuer, upstream } = this.#names(interaction);
    await this.events.publish(tx, {
      type: 'interaction',
      issuer,
      subject: interaction.subject,
      interactionId: interaction.id,
      application: interaction.application,
      upstream,
      state,
    });
  }

  #names({ issuerId, upstreamId }: InteractionView): { issuer: string; upstream: string } {
    const registry = this.registry.current();
    return {
      issuer: registry.issuerById(issuerId)?.document.slug ?? '',
      upstream: registry.upstreamById(upstreamId)?.document.slug ?? '',
    };
  }
}
