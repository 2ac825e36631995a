import { Rounds } from '#lib/process/rounds';
import type { VaultLogger } from '../log-events.js';
import { backgroundShare, type RequestSlots, type Slot } from '../providers/request-slots.js';
import type { Registry } from '../registry/registry-snapshot.js';
import type { DueGrant, PostgresDueGrants } from './postgres-due-grants.js';
import type { ProviderCircuits } from './provider-circuits.js';
import type { RefreshPolicies } from './refresh-policies.js';
import type { RefreshGrant } from './refresh-grant.js';

const pollMs = 1_000;

export interface DueScanParts {
  readonly due: PostgresDueGrants;
  readonly refreshing: RefreshGrant;
  readonly slots: RequestSlots;
  readonly circuits: ProviderCircuits;
  readonly policies: RefreshPolicies;
  readonly registry: Registry;
  readonly logger: VaultLogger;
}

/**
 * Refreshes what is due before anybody asks. A slot at a provider is taken first and grants are claimed for it, one
 * after another until none is due: so all replicas together never have more in flight than the provider takes.
 */
export class DueScan {
  /** Slots that this process has, by oauth client. */
  readonly #running = new Map<string, number>();
  readonly #rounds: Rounds;

  constructor(private readonly parts: DueScanParts) {
    this.#rounds = new Rounds(() => this.scan(), {
      everyMs: pollMs,
      onError: (err) => parts.logger.error({ event: 'grant.scan_failed', err }),
    });
  }

  start(): void {
    this.#rounds.start();
  }

  /** No new refresh begins after this; those in flight are drained by RefreshGrant. */
  stop(): Promise<void> {
    return this.#rounds.stop();
  }

  /** One scan: starts what is due and resolves once it is started. */
  async scan(): Promise<void> {
    const clients = this.parts.registry.current().oauthClients.map(({ id }) => id);
    const withRoom = clients.filter((id) => this.#room(id) > 0);
    if (withRoom.length === 0) return;
    const standings = await this.parts.due.standing(withRoom);
    for (const { oauthClientId, ...state } of standings)
      this.parts.circuits.note(oauthClientId, state);
    const due = standings.filter(({ due: isDue }) => isDue).map(({ oauthClientId: id }) => id);
    await Promise.all(due.map((id) => this.#begin(id)));
  }

  /** How many more slots this process may have. */
  #room(id: string): number {
    const { maxConcurrentRequests } = this.parts.policies.of(id);
    const share = this.parts.circuits.isOpen(id) ? 1 : backgroundShare(maxConcurrentRequests);
    return share - (this.#running.get(id) ?? 0);
  }

  async #begin(id: string): Promise<void> {
    const room = this.#room(id);
    if (room < 1 || this.parts.circuits.isPaused(id)) return;
    // Half of what is left, so that the other replicas come in too.
    const slots = await this.#take(id, Math.ceil(room / 2));
    const grants = await this.#claim(id, slots.length);
    for (const [index, slot] of slots.entries()) void this.#work(id, slot, grants[index]);
  }

  async #take(id: string, most: number): Promise<Slot[]> {
    const { circuits, policies, slots } = this.parts;
    const room = { id, limit: policies.of(id).maxConcurrentRequests };
    if (!circuits.isOpen(id)) return slots.takeFree(room, most);
    const probe = await slots.takeProbe(room);
    return probe ? [probe] : [];
  }

  /** None where the database does not answer: the slots must be given back all the same. */
  async #claim(id: string, most: number): Promise<DueGrant[]> {
    if (most === 0) return [];
    return this.parts.due.claim(id, most).catch((error: unknown) => {
      this.parts.logger.error({ event: 'grant.scan_failed', err: error });
      return [];
    });
  }

  /** Keeps the slot until nothing is due, the provider fails, or somebody waits for it. */
  async #work(id: string, slot: Slot, first: DueGrant | undefined): Promise<void> {
    this.#running.set(id, (this.#running.get(id) ?? 0) + 1);
    let next = first;
    while (next) {
      const went = await this.#refresh(next, slot);
      next = went && this.#mayGoOn(id) ? (await this.#claim(id, 1))[0] : undefined;
    }
    this.#running.set(id, (this.#running.get(id) ?? 1) - 1);
    await slot.release();
  }

  #mayGoOn(id: string): boolean {
    const { circuits, slots } = this.parts;
    return (
      !this.#rounds.stopped &&
      !circuits.isOpen(id) &&
      !circuits.isPaused(id) &&
      !slots.isAwaited(id)
    );
  }

  /** Whether it came to something. */
  async #refresh({ grant, target }: DueGrant, slot: Slot): Promise<boolean> {
    try {
      const { did } = await this.parts.refreshing.refresh({ grant, target, force: false }, slot);
      return did === 'change';
    } catch (error) {
      const { logger } = this.parts;
      logger.error({ event: 'grant.refresh_broken', grantId: grant.id, err: error });
      return false;
    }
  }
}
