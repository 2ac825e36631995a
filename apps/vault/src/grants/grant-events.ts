import type { AuditLog } from '../audit/audit-log.js';
import type { Transaction } from '../database/database.js';
import type { EventPublisher } from '../events/event-publisher.js';
import type { WebhookEvent } from '../registry/domain/webhook.js';
import type { Registry } from '../registry/registry-snapshot.js';
import type { WebhookOutbox } from '../webhooks/webhook-outbox.js';
import type { GrantView } from './grants.js';

/** The grant before tokens were stored, and what stored them. */
export interface Renewal {
  /** Since when it had served nobody; undefined if it worked, or was not there. */
  readonly before: { readonly brokenSince: Date | undefined } | undefined;
  readonly by: 'refresh' | 'consent' | 'import';
}

/** What administrators are told of a transition. */
interface News {
  readonly type: WebhookEvent;
  readonly reason: string | undefined;
  readonly since: Date;
}

/** Tells gateways, replicas and webhooks what became of a grant, by the names they know. */
export class GrantEvents {
  constructor(
    private readonly publisher: EventPublisher,
    private readonly registry: Registry,
    private readonly webhooks: WebhookOutbox,
    private readonly audit: AuditLog,
  ) {}

  /** For every transition, in its transaction; `renewal` where tokens were stored. */
  async publish(tx: Transaction, grant: GrantView, renewal?: Renewal): Promise<void> {
    await this.publisher.publish(tx, {
      type: 'grant',
      issuer: this.issuerOf(grant.issuerId),
      subject: grant.subject,
      grantId: grant.id,
      version: grant.version,
      status: grant.status,
    });
    const news = newsOf(grant, renewal);
    if (news !== undefined) await this.#tell(tx, grant, news);
  }

  /** The issuer's slug. A row that a person's data refers to cannot be deleted, and slugs never change. */
  issuerOf(issuerId: string): string {
    const issuer = this.registry.current().issuerById(issuerId);
    if (issuer === undefined) throw new Error('The registry in memory lacks an issuer in use.');
    return issuer.document.slug;
  }

  async #tell(tx: Transaction, grant: GrantView, { type, reason, since }: News): Promise<void> {
    const registry = this.registry.current();
    const issuer = this.issuerOf(grant.issuerId);
    const { id, subject, version, status } = grant;
    const oauthClient = registry.oauthClientById(grant.oauthClientId)?.document.slug;
    const upstream = registry.upstreamById(grant.partition)?.document.slug ?? null;
    // Whoever ended it has recorded it already, with the actor.
    if (type !== 'grant.revoked')
      await this.audit.record(tx, {
        action: type,
        outcome: type === 'grant.recovered' ? 'success' : 'failed',
        actor: { kind: 'vault' },
        target: { grantId: id, issuer, subject, version },
        detail: { reason, since },
      });
    await this.webhooks.add(tx, {
      type,
      data: {
        grant_id: id,
        issuer,
        subject,
        oauth_client: oauthClient ?? null,
        upstream,
        status,
        reason: reason ?? null,
        since,
      },
    });
  }
}

function newsOf(grant: GrantView, renewal: Renewal | undefined): News | undefined {
  const { status, statusReason: reason, statusSince: since } = grant;
  if (status === 'revoked') return { type: 'grant.revoked', reason, since };
  if (renewal === undefined)
    return status === 'needs_consent' ? { type: 'grant.needs_consent', reason, since } : undefined;
  const brokenSince = renewal.before?.brokenSince;
  // A refresh that comes late does not wake a grant that was suspended.
  if (status !== 'active' || brokenSince === undefined) return undefined;
  return { type: 'grant.recovered', reason: renewal.by, since: brokenSince };
}
