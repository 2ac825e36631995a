import type { AuditLog, AuditRecord } from '../audit/audit-log.js';
import type { Transaction } from '../database/database.js';
import type { InteractionEvents } from '../interactions/interaction-events.js';
import { nobody } from './consent-requests.js';
import type { ConsentRequest } from './consent-requests.js';

/** Says within the transaction what a person decided: to the audit log, and to whoever waits. */
export class ConsentRecord {
  constructor(
    private readonly audit: AuditLog,
    private readonly interactionEvents: InteractionEvents,
  ) {}

  async write(
    tx: Transaction,
    request: ConsentRequest,
    what: Pick<AuditRecord, 'action' | 'outcome' | 'requestId'>,
  ): Promise<void> {
    const { interaction, issuer, upstream } = request;
    const { subject, application } = interaction;
    await this.audit.record(tx, {
      ...what,
      actor: {
        kind: 'person',
        issuer: issuer.document.slug,
        subject,
        ...(application === nobody ? {} : { application }),
      },
      target: {
        interaction: interaction.id,
        upstream: upstream.document.slug,
        consumer: interaction.consumer,
        scopes: interaction.scopes,
      },
    });
  }

  async ended(
    tx: Transaction,
    { interaction }: ConsentRequest,
    state: 'completed' | 'declined',
  ): Promise<void> {
    await this.interactionEvents.ended(tx, interaction, state);
  }
}
