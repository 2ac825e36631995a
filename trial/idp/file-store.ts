import { mkdir, open, readFile, rename } from 'node:fs/promises';
import { dirname } from 'node:path';

interface Entry {
  readonly value: unknown;
  /** Epoch milliseconds; undefined: it stays. */
  readonly expiresAt?: number;
}

/** A map in one JSON file. A change is on disk before its promise resolves; changes at the same time share a write. */
export class FileStore {
  #next: Promise<void> | undefined;
  #writing: Promise<void> = Promise.resolve();

  private constructor(
    private readonly file: string,
    private readonly entries: Map<string, Entry>,
  ) {}

  static async open(file: string): Promise<FileStore> {
    await mkdir(dirname(file), { recursive: true, mode: 0o700 });
    const text = await readFile(file, 'utf8').catch(() => '[]');
    return new FileStore(file, new Map(JSON.parse(text) as [string, Entry][]));
  }

  get(key: string): unknown {
    const entry = this.entries.get(key);
    return entry === undefined || isOver(entry) ? undefined : entry.value;
  }

  *keys(prefix: string): Generator<string> {
    for (const [key, entry] of this.entries) {
      if (key.startsWith(prefix) && !isOver(entry)) yield key;
    }
  }

  set(key: string, value: unknown, ttlSeconds?: number): Promise<void> {
    const expiry = ttlSeconds === undefined ? {} : { expiresAt: Date.now() + ttlSeconds * 1000 };
    this.entries.set(key, { value, ...expiry });
    return this.flush();
  }

  /** Replaces the value and keeps its expiry. */
  amend(key: string, value: unknown): Promise<void> {
    const entry = this.entries.get(key);
    if (entry !== undefined) this.entries.set(key, { ...entry, value });
    return this.flush();
  }

  delete(...keys: string[]): Promise<void> {
    for (const key of keys) this.entries.delete(key);
    return this.flush();
  }

  /** Whatever was changed before this call is on disk when it resolves. */
  flush(): Promise<void> {
    this.#next ??= this.#writing.then(() => {
      this.#next = undefined;
      this.#writing = this.#write();
      return this.#writing;
    });
    return this.#next;
  }

  async #write(): Promise<void> {
    for (const [key, entry] of this.entries) if (isOver(entry)) this.entries.delete(key);
    const temporary = `${this.file}.new`;
    const handle = await open(temporary, 'w', 0o600);
    try {
      await handle.writeFile(JSON.stringify([...this.entries]));
      await handle.datasync();
    } finally {
      await handle.close();
    }
    await rename(temporary, this.file);
  }
}

function isOver(entry: Entry): boolean {
  return entry.expiresAt !== undefined && entry.expiresAt <= Date.now();
}
