import { readUri } from './uris.js';

const mostSessions = 10_000;
const mostUris = 1_000;

/** The resources that legacy sessions at this replica want to hear of, by joined URI. */
export class ResourceSubscriptions {
  readonly #uris = new Map<string, Set<string>>();
  readonly #listeners = new Map<string, Set<() => void>>();

  add(nonce: string, uri: string): void {
    const uris = this.#uris.get(nonce) ?? new Set();
    if (uris.size >= mostUris) return;
    this.#uris.set(nonce, uris.add(uri));
    const [oldest] = this.#uris.keys();
    if (this.#uris.size > mostSessions && oldest !== undefined) this.#uris.delete(oldest);
    this.#tell(nonce);
  }

  remove(nonce: string, uri: string): void {
    if (this.#uris.get(nonce)?.delete(uri) === true) this.#tell(nonce);
  }

  has(nonce: string, uri: string): boolean {
    return this.#uris.get(nonce)?.has(uri) ?? false;
  }

  /** One upstream's own URIs. */
  at(nonce: string, slug: string): string[] {
    const own = [...(this.#uris.get(nonce) ?? [])].map((uri) => readUri(uri));
    return own.flatMap((one) => (one?.slug === slug ? [one.uri] : []));
  }

  onChange(nonce: string, listener: () => void): () => void {
    const listeners = this.#listeners.get(nonce) ?? new Set();
    this.#listeners.set(nonce, listeners.add(listener));
    return () => {
      listeners.delete(listener);
      if (listeners.size === 0) this.#listeners.delete(nonce);
    };
  }

  end(nonce: string): void {
    this.#uris.delete(nonce);
  }

  #tell(nonce: string): void {
    for (const listener of [...(this.#listeners.get(nonce) ?? [])]) listener();
  }
}
