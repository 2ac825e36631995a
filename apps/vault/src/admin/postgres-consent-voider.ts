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
  constructor(private readonly events: EventPublisher) {}

  async voidAll(tx: Transaction, upstream: { id: string; slug: string }): Promise<number> {
    const voided = await queryOf(tx)<Voided>(
      `DELETE FROM client_consent c USING registry_resource i
        WHERE c.upstream_id = $1 AND i.id = c.issuer_id
       RETURNING i.slug AS issuer, c.subject, c.application, c.consumer`,
      [upstream.id],
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
}
