import { setTimeout as sleep } from 'node:timers/promises';
import type { NamedLock } from '../database/postgres-advisory-locks.js';
import type { ProviderFailure } from './provider.js';
import { ProviderRefused } from './provider-refused.js';

/** A provider as far as its room goes: the oauth client's row id, and how many requests it takes at once. */
export interface Room {
  readonly id: string;
  readonly limit: number;
}

/** The right to have one request in flight at a provider. */
export interface Slot {
  release(): Promise<void>;
}

interface Locks {
  tryAny(names: readonly string[], most: number): Promise<NamedLock[]>;
}

interface Waiter {
  readonly give: (slot: Slot | undefined) => void;
}

/** Requests in flight at a provider of which nothing else is said. */
export const usualRequests = 10;

const pollMs = 100;
// As long as the answer to a request is waited for.
const patienceMs = 10_000;
// Then others may have it: a replica with many waiters must not keep a slot to itself for ever.
const mostInRow = 20;

/**
 * How many requests one provider has in flight, over all replicas: each slot is an advisory lock, so that a process
 * that dies frees its own at once. A quarter is kept from background work, for people who wait for an answer.
 */
export class RequestSlots {
  readonly #waiting = new Map<string, Waiter[]>();

  constructor(private readonly locks: Locks) {}

  /** For somebody who waits; undefined if nothing came free within `patienceMs`. */
  async take(room: Room, patienceMs: number): Promise<Slot | undefined> {
    if (!this.isAwaited(room.id)) {
      const [lock] = await this.locks.tryAny(everySlot(room), 1);
      if (lock) return this.#slotOf(room, lock, 1);
    }
    return this.#wait(room, patienceMs);
  }

  /** For a request that is no refresh: a person is waiting for it, in front of a browser. */
  async run<T>(room: Room, work: () => Promise<T>): Promise<T> {
    const slot = await this.take(room, patienceMs);
    if (slot === undefined) throw new ProviderRefused(noRoom);
    return work().finally(() => slot.release());
  }

  /** The one slot by which a provider that fails is tried; undefined while somebody has it. */
  async takeProbe(room: Room): Promise<Slot | undefined> {
    const [lock] = await this.locks.tryAny([nameOf(room, 0)], 1);
    return lock && { release: () => lock.release() };
  }

  /** For background work: what is free now of its share, at most so many. */
  async takeFree(room: Room, most: number): Promise<Slot[]> {
    const names = everySlot(room).slice(-backgroundShare(room.limit));
    const locks = await this.locks.tryAny(names, most);
    return locks.map((lock) => this.#slotOf(room, lock, 1));
  }

  /** Whether somebody in this process waits for a slot: then background work gives its own away. */
  isAwaited(roomId: string): boolean {
    return (this.#waiting.get(roomId)?.length ?? 0) > 0;
  }

  #slotOf(room: Room, lock: NamedLock, uses: number): Slot {
    return {
      release: async () => {
        const next = lock.lost || uses >= mostInRow ? undefined : this.#next(room.id);
        if (next) next.give(this.#slotOf(room, lock, uses + 1));
        else await lock.release();
      },
    };
  }

  #wait(room: Room, patienceMs: number): Promise<Slot | undefined> {
    return new Promise((resolve) => {
      const waiter: Waiter = {
        give: (slot) => {
          clearTimeout(timer);
          resolve(slot);
        },
      };
      const timer = setTimeout(() => {
        this.#forget(room.id, waiter);
        resolve(undefined);
      }, patienceMs);
      const queue = this.#waiting.get(room.id);
      if (queue) queue.push(waiter);
      else {
        this.#waiting.set(room.id, [waiter]);
        void this.#poll(room);
      }
    });
  }

  /** One question at a time for all who wait here; ends with the last of them. */
  async #poll(room: Room): Promise<void> {
    while (this.isAwaited(room.id)) {
      await sleep(pollMs * (0.5 + Math.random()));
      // Whoever waits gives up in time by itself; the connection may be back before that.
      const locks = await this.locks
        .tryAny(everySlot(room), this.#waiting.get(room.id)?.length ?? 0)
        .catch(() => []);
      for (const lock of locks) {
        const next = this.#next(room.id);
        if (next) next.give(this.#slotOf(room, lock, 1));
        else await lock.release();
      }
    }
    this.#waiting.delete(room.id);
  }

  #next(roomId: string): Waiter | undefined {
    return this.#waiting.get(roomId)?.shift();
  }

  #forget(roomId: string, waiter: Waiter): void {
    const queue = this.#waiting.get(roomId) ?? [];
    const place = queue.indexOf(waiter);
    if (place >= 0) queue.splice(place, 1);
  }
}

const noRoom: ProviderFailure = {
  ok: false,
  code: 'transient',
  detail: 'as many requests are in flight as the oauth client allows',
};

/** Of so many requests at once, how many background work may have: at least one. */
export function backgroundShare(limit: number): number {
  return Math.max(1, Math.floor(limit * 0.75));
}

/** From the last to the first: those that background work may not have come first for people. */
function everySlot(room: Room): string[] {
  return Array.from({ length: room.limit }, (_, i) => nameOf(room, room.limit - 1 - i));
}

function nameOf({ id }: Room, n: number): string {
  return `provider/${id}/${n}`;
}
