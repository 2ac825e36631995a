interface Waiting<Key, Row> {
  readonly key: Key;
  readonly resolve: (row: Row | undefined) => void;
  readonly reject: (reason: unknown) => void;
}

/**
 * Reads that arrive in the same turn of the event loop, or while the reads before them are under way, go to the
 * database as one statement. Nothing is remembered: each answer was read after it was asked for.
 */
export class BatchedRead<Key, Row> {
  readonly #waiting: Waiting<Key, Row>[] = [];
  #running = 0;

  constructor(
    /** Rows in the order of the keys; undefined where there is none. */
    private readonly read: (keys: readonly Key[]) => Promise<readonly (Row | undefined)[]>,
    private readonly lanes = 2,
    private readonly most = 200,
  ) {}

  get(key: Key): Promise<Row | undefined> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ key, resolve, reject });
      if (this.#waiting.length === 1) setImmediate(() => void this.#next());
    });
  }

  async #next(): Promise<void> {
    if (this.#running >= this.lanes || this.#waiting.length === 0) return;
    const batch = this.#waiting.splice(0, this.most);
    this.#running += 1;
    try {
      const rows = await this.read(batch.map(({ key }) => key));
      batch.forEach(({ resolve }, i) => resolve(rows[i]));
    } catch (error) {
      for (const { reject } of batch) reject(error);
    } finally {
      this.#running -= 1;
      void this.#next();
    }
  }
}
