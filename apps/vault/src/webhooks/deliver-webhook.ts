import { Webhook } from 'standardwebhooks';
import type { Clock } from '#lib/clock/clock';
import type { Outbound } from '#lib/outbound/outbound';
import { OutboundError } from '#lib/outbound/outbound-error';
import type { Secret } from '#lib/secret/secret';
import type { AuditLog } from '../audit/audit-log.js';
import type { CrashPoint } from '../database/crash-point.js';
import type { Database } from '../database/database.js';
import type { VaultLogger } from '../log-events.js';
import { retryAfterSeconds, secondsUntilRetry } from '../outbox/retry-schedule.js';
import type { Webhook as Endpoint } from '../registry/domain/webhook.js';
import type { Registry, Stored } from '../registry/registry-snapshot.js';
import type { DisableWebhook } from './disable-webhook.js';
import { type AttemptAnswer, judgeAttempt, type Verdict } from './domain/judge-attempt.js';
import { messageIdOf } from './postgres-webhook-deliveries.js';
import type {
  AttemptOutcome,
  LeasedDelivery,
  PostgresWebhookStore,
} from './postgres-webhook-store.js';

const timeoutMs = 15_000;

export interface DeliverWebhookParts {
  readonly database: Database;
  readonly store: PostgresWebhookStore;
  readonly registry: Registry;
  readonly outbound: Pick<Outbound, 'request'>;
  readonly disable: Pick<DisableWebhook, 'gone'>;
  readonly audit: AuditLog;
  readonly clock: Clock;
  readonly crashPoint: CrashPoint;
  readonly logger: VaultLogger;
}

/** One attempt at one delivery: signed, sent, judged, stored. No connection of the database is held meanwhile. */
export class DeliverWebhook {
  constructor(private readonly parts: DeliverWebhookParts) {}

  /** `once` ends a failure for good. */
  async attempt(
    delivery: LeasedDelivery,
    { signal, once = false }: { readonly signal?: AbortSignal; readonly once?: boolean },
  ): Promise<void> {
    const endpoint = this.parts.registry.current().webhookById(delivery.webhookId);
    // Removed: its deliveries went with it.
    if (endpoint === undefined) return;
    const startedMs = performance.now();
    const answer = await this.#send(endpoint, delivery, signal);
    this.parts.crashPoint('webhook-after-send');
    const verdict = judgeAttempt(answer);
    const outcome = outcomeOf(verdict, delivery, once);
    const status = 'status' in answer ? answer.status : undefined;
    await this.#store(endpoint, delivery, { ...outcome, status });
    if (verdict.is === 'gone' && !once) await this.parts.disable.gone(endpoint);
    this.#log(endpoint, delivery, {
      state: outcome.state,
      status,
      error: outcome.error,
      ms: Math.round(performance.now() - startedMs),
    });
  }

  async #send(
    { id, document }: Stored<Endpoint>,
    delivery: LeasedDelivery,
    signal: AbortSignal | undefined,
  ): Promise<AttemptAnswer> {
    const secrets = await this.parts.registry.secrets(id, 'secret');
    if (secrets.length === 0) return { error: 'The webhook has no secret to sign with.' };
    try {
      const { status, headers } = await this.parts.outbound.request(document.url, {
        method: 'POST',
        headers: signedHeaders(delivery, secrets, this.parts.clock.now()),
        body: delivery.payload,
        timeoutMs,
        ...(signal ? { signal } : {}),
      });
      const retryAfter = retryAfterSeconds(headers['retry-after'], this.parts.clock.now());
      return { status, retryAfter };
    } catch (error) {
      if (signal?.aborted) return { error: 'The vault stopped while it was sending.' };
      if (error instanceof OutboundError) return { error: `${error.message}.` };
      throw error;
    }
  }

  async #store(
    { document }: Stored<Endpoint>,
    delivery: LeasedDelivery,
    outcome: AttemptOutcome,
  ): Promise<void> {
    await this.parts.database.transaction(async (tx) => {
      const ours = await this.parts.store.finish(tx, delivery, outcome);
      if (!ours || outcome.state !== 'failed') return;
      await this.parts.audit.record(tx, {
        action: 'webhook.undelivered',
        outcome: 'failed',
        actor: { kind: 'vault' },
        target: { webhook: document.slug, delivery: delivery.id },
        detail: { type: delivery.type, attempts: delivery.attempts + 1, error: outcome.error },
      });
    });
  }

  #log(
    { document }: Stored<Endpoint>,
    { id: delivery, attempts }: LeasedDelivery,
    more: Record<string, unknown>,
  ): void {
    const entry = { webhook: document.slug, delivery, attempt: attempts + 1, ...more };
    if (more['state'] === 'delivered')
      this.parts.logger.info({ event: 'webhook.delivered', ...entry });
    else this.parts.logger.warn({ event: 'webhook.attempt_failed', ...entry });
  }
}

function outcomeOf(verdict: Verdict, { attempts }: LeasedDelivery, once: boolean): AttemptOutcome {
  if (verdict.is === 'delivered') return { state: 'delivered' };
  if (verdict.is === 'gone') return { state: 'failed', error: 'The receiver answered 410.' };
  const { error, retryAfter } = verdict;
  const seconds = once ? undefined : secondsUntilRetry(attempts + 1, retryAfter, Math.random());
  return seconds === undefined ? { state: 'failed', error } : { state: 'pending', seconds, error };
}

/** Standard Webhooks, "Webhook Headers": one signature for each live secret, parted by spaces. */
function signedHeaders(
  { id, payload }: LeasedDelivery,
  secrets: readonly Secret[],
  now: number,
): Record<string, string> {
  const messageId = messageIdOf(id);
  const at = new Date(now * 1000);
  const signatures = secrets.map((secret) =>
    new Webhook(secret.reveal()).sign(messageId, at, payload),
  );
  return {
    'content-type': 'application/json',
    'user-agent': 'symbolon-webhooks',
    'webhook-id': messageId,
    'webhook-timestamp': String(Math.floor(now)),
    'webhook-signature': signatures.join(' '),
  };
}
