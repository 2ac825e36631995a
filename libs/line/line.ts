/** What stands in a line knows its neighbours itself: of a hundred thousand, each costs two words and no entry of a map. */
export interface InLine<Self> {
  older: Self | undefined;
  newer: Self | undefined;
}

/**
 * Who came first goes first, each step in constant time. A Map keeps that order too, but its first entry is found by walking
 * over all that were deleted before it: 40 µs each time where a hundred thousand are kept.
 */
export class Line<One extends InLine<One>> {
  #oldest: One | undefined;
  #newest: One | undefined;

  get oldest(): One | undefined {
    return this.#oldest;
  }

  /** It stands in no line yet. */
  add(one: One): void {
    one.older = this.#newest;
    if (this.#newest === undefined) this.#oldest = one;
    else this.#newest.newer = one;
    this.#newest = one;
  }

  /** It stands in this line. Afterwards it keeps none of the others alive. */
  remove(one: One): void {
    const { older, newer } = one;
    if (older === undefined) this.#oldest = newer;
    else older.newer = newer;
    if (newer === undefined) this.#newest = older;
    else newer.older = older;
    one.older = undefined;
    one.newer = undefined;
  }

  clear(): void {
    this.#oldest = undefined;
    this.#newest = undefined;
  }

  /** The oldest first. */
  *[Symbol.iterator](): IterableIterator<One> {
    for (let one = this.#oldest; one !== undefined; one = one.newer) yield one;
  }
}
