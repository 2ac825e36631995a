import type { Transaction } from '../database/database.js';
import type { EventPublisher } from '../events/event-publisher.js';
import type { Registry } from '../registry/registry-snapshot.js';
import type { GrantView } from './grants.js';

/** Tells gateways and replicas what became of a grant, by the names they know. */
export class GrantEvents {
  constructor(
    private readonly publisher: EventPublisher,
    private readonly registry: Registry,
  ) {}

  async publish(tx: Transaction, grant: GrantView): Promise<void> {
    await this.publisher.publish(tx, {
      type: 'grant',
      issuer: this.issuerOf(grant.issuerId),
      subject: grant.subject,
      grantId: grant.id,
      version: grant.version,
      status: grant.status,
    });
  }

  /** The issuer's slug. A row that a person's data refers to cannot be deleted, and slugs never change. */
  issuerOf(issuerId: string): string {
    const issuer = this.registry.current().issuerById(issuerId);
    if (issuer === undefined) throw new Error('The registry in memory lacks an issuer in use.');
    return issuer.document.slug;
  }
}
