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
    const detail = { purpose: interaction.purpose };
    const record = { action: 'interaction.opened', outcome: 'success', detail } as const;
    await this.audit.record(tx, { ...record, ...this.#about(interaction) });
  }

  async withdrawn(tx: Transaction, interaction: InteractionView, requestId: string): Promise<void> {
    const record = { action: 'interaction.withdrawn', outcome: 'refused', requestId } as const;
    await this.audit.record(tx, { ...record, ...this.#about(interaction) });
    await this.ended(tx, interaction, 'declined');
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

  #about(interaction: InteractionView) {
    const { issuer, upstream } = this.#names(interaction);
    const { id, subject, application, consumer: client, scopes } = interaction;
    const actor = { kind: 'machine', client, issuer, subject, application } as const;
    return { actor, target: { interaction: id, upstream, scopes } };
  }

  #names({ issuerId, upstreamId }: InteractionView): { issuer: string; upstream: string } {
    const registry = this.registry.current();
    return {
      issuer: registry.issuerById(issuerId)?.document.slug ?? '',
      upstream: registry.upstreamById(upstreamId)?.document.slug ?? '',
    };
  }
}
