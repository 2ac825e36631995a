import { Client } from 'pg';

/** A lock that says "somebody alive is at it". `lost` once its connection is gone: others may hold it now. */
export interface LivenessLock {
  readonly lost: boolean;
  /** Called at once where it is lost already. */
  onLost(listener: () => void): void;
  release(): Promise<void>;
}

export interface NamedLock extends LivenessLock {
  readonly name: string;
}

interface Held {
  lost: boolean;
  onLost?: () => void;
}

/**
 * Session advisory locks, all on one dedicated connection: when this process dies Postgres frees them at
 * once, and no pooled connection is held while a lock is. A session may take the same lock twice, so what
 * this process holds is remembered here.
 */
export class PostgresAdvisoryLocks {
  readonly #held = new Map<string, Held>();
  #client: Promise<Client> | undefined;
  #current: Client | undefined;
  #turn: Promise<unknown> = Promise.resolve();
  #closed = false;

  constructor(private readonly url: string) {}

  /** Undefined while this or another process holds the lock of this name; never waits for it. */
  async tryLock(name: string): Promise<LivenessLock | undefined> {
    if (this.#held.get(name)?.lost === false) return undefined;
    const held: Held = { lost: false };
    this.#held.set(name, held);
    try {
      if (await this.#ask('pg_try_advisory_lock', name)) return this.#lockOf(name, held);
    } catch (error) {
      this.#forget(name, held);
      throw error;
    }
    this.#forget(name, held);
    return undefined;
  }

  /** Up to `most` of these locks, in the order of the names: those that nobody holds now. */
  tryAny(names: readonly string[], most: number): Promise<NamedLock[]> {
    // In turn with the other questions: this session would be granted once more what it holds already.
    return this.#inTurn(async (client) => {
      const free = names.filter((name) => !this.#held.has(name));
      if (free.length === 0 || most < 1) return [];
      const { rows } = await client.query<{ name: string }>(
        `SELECT name FROM unnest($1::text[]) AS wanted (name)
          WHERE pg_try_advisory_lock(hashtextextended('symbolon/' || name, 0)) LIMIT $2`,
        [free, most],
      );
      return rows.map(({ name }) => {
        const held: Held = { lost: client !== this.#current };
        if (!held.lost) this.#held.set(name, held);
        return Object.assign(this.#lockOf(name, held), { name });
      });
    });
  }

  async close(): Promise<void> {
    this.#closed = true;
    const client = await this.#client?.catch(() => undefined);
    await client?.end().catch(() => undefined);
  }

  #lockOf(name: string, held: Held): LivenessLock {
    return {
      get lost() {
        return held.lost;
      },
      onLost: (listener) => {
        held.onLost = listener;
        if (held.lost) listener();
      },
      release: async () => {
        // A lost lock went with its session; this session may hold a new one of the same name.
        if (!held.lost) await this.#ask('pg_advisory_unlock', name).catch(() => this.#giveUp(held));
        this.#forget(name, held);
      },
    };
  }

  #forget(name: string, held: Held): void {
    if (this.#held.get(name) === held) this.#held.delete(name);
  }

  #ask(verb: 'pg_try_advisory_lock' | 'pg_advisory_unlock', name: string): Promise<boolean> {
    return this.#inTurn(async (client) => {
      const { rows } = await client.query<{ done: boolean }>(
        `SELECT ${verb}(hashtextextended($1, 0)) AS done`,
        [`symbolon/${name}`],
      );
      return rows[0]?.done === true;
    });
  }

  /** One question at a time: pg would queue them too, but no longer from its next version on. */
  #inTurn<T>(question: (client: Client) => Promise<T>): Promise<T> {
    const answer = this.#turn.then(async () => {
      this.#client ??= this.#connect();
      return question(await this.#client);
    });
    this.#turn = answer.catch(() => undefined);
    return answer;
  }

  async #connect(): Promise<Client> {
    if (this.#closed) throw new Error('The locks are closed.');
    const client = new Client({
      connectionString: this.url,
      application_name: 'symbolon-vault-locks',
      connectionTimeoutMillis: 5_000,
      query_timeout: 5_000,
      keepAlive: true,
    });
    client.on('error', () => this.#lose(client));
    client.on('end', () => this.#lose(client));
    try {
      await client.connect();
    } catch (error) {
      this.#client = undefined;
      throw error;
    }
    this.#current = client;
    return client;
  }

  /** A lock that could not be released ends with its session. */
  #giveUp(held: Held): void {
    if (!held.lost && this.#current) this.#lose(this.#current);
  }

  #lose(client: Client): void {
    if (client !== this.#current) return;
    this.#current = undefined;
    this.#client = undefined;
    for (const held of [...this.#held.values()]) {
      const isNew = !held.lost;
      held.lost = true;
      if (isNew) held.onLost?.();
    }
    client.end().catch(() => undefined);
  }
}
