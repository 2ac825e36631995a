import type { Database, Transaction } from './database.js';

interface Waiting<Item> {
  readonly item: Item;
  readonly resolve: () => void;
  readonly reject: (reason: unknown) => void;
}

/**
 * Many small writes in few statements: what arrives while a commit is under way goes into the next one. Each
 * caller waits for the commit that holds its item, so nobody hears of success before it is durable.
 */
export class GroupCommit<Item> {
  readonly #waiting: Waiting<Item>[] = [];
  #running = 0;

  constructor(
    private readonly database: Pick<Database, 'statement'>,
    /** One statement. */
    private readonly write: (tx: Transaction, items: readonly Item[]) => Promise<void>,
    /** Commits under way at once; two keep the database busy while one of them waits for its disk. */
    private readonly lanes = 2,
    private readonly most = 500,
  ) {}

  /** Rejects with what the commit of its group failed with. */
  add(item: Item): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ item, resolve, reject });
      // Those who arrive in the same turn of the event loop belong together.
      if (this.#waiting.length === 1) setImmediate(() => void this.#commit());
    });
  }

  async #commit(): Promise<void> {
    if (this.#running >= this.lanes || this.#waiting.length === 0) return;
    const group = this.#waiting.splice(0, this.most);
    this.#running += 1;
    try {
      await this.database.statement((tx) =>
        this.write(
          tx,
          group.map(({ item }) => item),
        ),
      );
      for (const { resolve } of group) resolve();
    } catch (error) {
      for (const { reject } of group) reject(error);
    } finally {
      this.#running -= 1;
      void this.#commit();
    }
  }
}
