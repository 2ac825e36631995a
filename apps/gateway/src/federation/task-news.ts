import type { Caller } from '#lib/jwt/caller';
import { inTime } from '#lib/process/in-time';
import { isObject, type JsonObject } from '../mcp/message.js';
import type { TaskIds } from './task-ids.js';

/**
 * The tasks that one `subscriptions/listen` is about (SEP-2663). Its acknowledgement names what their servers have agreed to
 * tell and nothing else: who is promised news does not poll.
 */
export class TaskNews {
  /** The servers' own ids, by slug, under the joined ones. */
  readonly #wanted = new Map<string, Map<string, string>>();
  readonly #awaited: Set<string>;
  readonly #agreed = new Set<string>();
  readonly #answered = new Set<string>();
  #settle = (): void => undefined;
  readonly #settled = new Promise<void>((resolve) => {
    this.#settle = resolve;
  });
  #isAcknowledged = false;

  /** `wanted`: at least one joined id of this person. */
  constructor(ids: TaskIds, caller: Caller, wanted: readonly string[]) {
    for (const joined of wanted) {
      const own = ids.read(caller, joined);
      if (own === undefined) continue;
      const atSlug = this.#wanted.get(own.slug) ?? new Map<string, string>();
      this.#wanted.set(own.slug, atSlug.set(own.taskId, joined));
    }
    this.#awaited = new Set(this.#wanted.keys());
  }

  at(slug: string): readonly string[] {
    return [...(this.#wanted.get(slug)?.keys() ?? [])];
  }

  /** The server's own acknowledgement. True where it is not its first: what happened in between it told nobody. */
  acknowledged(slug: string, taskIds: unknown): boolean {
    const named = new Set(Array.isArray(taskIds) ? taskIds : []);
    for (const [own, joined] of this.#wanted.get(slug) ?? [])
      if (named.has(own) && !this.#isAcknowledged) this.#agreed.add(joined);
    const isAgain = this.#answered.has(slug);
    this.#answered.add(slug);
    this.#leave(slug);
    return isAgain;
  }

  /** The server tells nothing of tasks. */
  refused(slug: string): void {
    this.#wanted.delete(slug);
    this.#leave(slug);
  }

  /** The ids to acknowledge, once all servers have answered or `ms` are over. */
  async agreed(ms: number): Promise<readonly string[]> {
    await inTime(this.#settled, ms);
    this.#isAcknowledged = true;
    return [...this.#agreed];
  }

  /** Whether the client was promised news of this task. */
  tells(joined: unknown): boolean {
    return typeof joined === 'string' && this.#agreed.has(joined);
  }

  #leave(slug: string): void {
    this.#awaited.delete(slug);
    if (this.#awaited.size === 0) this.#settle();
  }
}

/** The ids in an acknowledgement's params. */
export function acknowledgedTasks({ notifications }: JsonObject): unknown {
  return isObject(notifications) ? notifications['taskIds'] : undefined;
}
