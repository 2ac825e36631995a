/** How many are open at once, by key. Holds nothing of what is closed, so what is open bounds it. */
export class OpenCount {
  readonly #open = new Map<string, number>();

  of(key: string): number {
    return this.#open.get(key) ?? 0;
  }

  enter(key: string): void {
    this.#open.set(key, this.of(key) + 1);
  }

  leave(key: string): void {
    const left = this.of(key) - 1;
    if (left <= 0) this.#open.delete(key);
    else this.#open.set(key, left);
  }
}
