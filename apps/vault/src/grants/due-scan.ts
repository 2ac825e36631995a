import type { VaultLogger } from '../log-events.js';
import type { Registry } from '../registry/registry-snapshot.js';
import type { DueGrant, PostgresRefreshStore } from './postgres-refresh-store.js';
import type { RefreshGrant } from './refresh-grant.js';

const pollMs = 1_000;
// Half of what a provider takes at once: people in front of a browser are not made to queue behind this.
const atOncePerProvider = 5;

/** Refreshes what is due before anybody asks, a few at a time per oauth client. */
export class DueScan {
  readonly #running = new Map<string, number>();
  #timer: NodeJS.Timeout | undefined;
  #scanning: Promise<void> | undefined;
  #stopped = true;

  constructor(
    private readonly store: PostgresRefreshStore,
    private readonly refreshing: RefreshGrant,
    private readonly registry: Registry,
    private readonly logger: VaultLogger,
  ) {}

  start(): void {
    this.#stopped = false;
    this.#scanIn(pollMs * Math.random());
  }

  /** No new refresh begins after this; those in flight are drained by RefreshGrant. */
  async stop(): Promise<void> {
    this.#stopped = true;
    clearTimeout(this.#timer);
    await this.#scanning;
  }

  /** One scan: starts what is due and resolves once it is started. */
  async scan(): Promise<void> {
    const room = this.#room();
    if (room.size === 0) return;
    for (const due of await this.store.claimDue(room)) this.#start(due);
  }

  #scanIn(ms: number): void {
    clearTimeout(this.#timer);
    if (this.#stopped) return;
    this.#timer = setTimeout(() => {
      this.#scanning = this.scan()
        .catch((error: unknown) => this.logger.error({ event: 'grant.scan_failed', err: error }))
        // Spread, so that replicas do not ask in step.
        .finally(() => this.#scanIn(pollMs * (0.8 + 0.4 * Math.random())));
    }, ms);
  }

  #room(): Map<string, number> {
    const free = this.registry
      .current()
      .oauthClients.map(
        ({ id }) => [id, atOncePerProvider - (this.#running.get(id) ?? 0)] as const,
      );
    return new Map(free.filter(([, slots]) => slots > 0));
  }

  #start({ oauthClientId, ...due }: DueGrant): void {
    const before = this.#running.get(oauthClientId) ?? 0;
    this.#running.set(oauthClientId, before + 1);
    this.refreshing
      .refresh({ ...due, force: false })
      .catch((error: unknown) =>
        this.logger.error({ event: 'grant.refresh_broken', grantId: due.grantId, err: error }),
      )
      .finally(() => this.#finish(oauthClientId));
  }

  /** A provider that was busy to its limit may have more waiting. */
  #finish(oauthClientId: string): void {
    const running = this.#running.get(oauthClientId) ?? 1;
    this.#running.set(oauthClientId, running - 1);
    if (running === atOncePerProvider) this.#scanIn(0);
  }
}
