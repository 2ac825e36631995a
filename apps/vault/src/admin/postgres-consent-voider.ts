import type { AuditLog } from '../audit/audit-log.js';
import type { Transaction } from '../database/database.js';
import { queryOf } from '../database/postgres-database.js';
import type { EventPublisher } from '../events/event-publisher.js';
import type { ConsentVoider } from '../registry/registry-effects.js';

interface Voided {
  issuer: string;
  subject: string;
  application: string;
  consumer: string;
}

export class PostgresConsentVoider implements ConsentVoider {
  constructor(
    private readonly events: EventPublisher,
    private readonly audit: AuditLog,
  ) {}

  async voidAll(
    tx: Transaction,
    upstream: { id: string; slug: string },
    reason: string,
  ): Promise<number> {
    await this.#askAnew(tx, upstream.id);
    const voided = await queryOf(tx)<Voided>(
      `DELETE FROM client_consent c USING registry_resource i
        WHERE c.upstream_id = $1 AND i.id = c.issuer_id
       RETURNING i.slug AS issuer, c.subject, c.application, c.consumer`,
      [upstream.id],
    );
    // Who changed the upstream stands in the record `registry.…` of the same transaction.
    await this.audit.recordAll(
      tx,
      voided.map((consent) => ({
        action: 'consent.voided',
        outcome: 'success',
        actor: { kind: 'vault' },
        target: { ...consent, upstream: upstream.slug },
        detail: { reason },
      })),
    );
    for (const consent of voided)
      await this.events.publish(tx, {
        type: 'consent',
        ...consent,
        upstream: upstream.slug,
        state: 'removed',
      });
    return voided.length;
  }

  // A page that was shown, or a trip that was begun, before the change must not end in a consent after it.
  async #askAnew(tx: Transaction, upstreamId: string): Promise<void> {
    const open = `upstream_id = $1 AND status IN ('pending', 'confirming')`;
    await queryOf(tx)(
      `UPDATE unconfirmed_account SET expires_at = now() WHERE interaction_id IN (SELECT id FROM interaction WHERE ${open})`,
      [upstreamId],
    );
    await queryOf(tx)(
      `UPDATE interaction SET version = version + 1, status = 'pending' WHERE ${open}`,
      [upstreamId],
    );
  }
}
