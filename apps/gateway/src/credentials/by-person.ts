/** Almost everybody has one: a set for each would cost more than what is in it. */
export type Whole<Held> = Held | readonly Held[] | undefined;

/** What is whose, each person's in the order in which it came. */
export class ByPerson<Held extends { readonly person: string }> {
  readonly #held = new Map<string, Whole<Held>>();

  of(person: string): readonly Held[] {
    const held = this.#held.get(person);
    if (held === undefined) return [];
    return isList(held) ? held : [held];
  }

  /** As `of`, without a list for the one that nearly everybody has. */
  whole(person: string): Whole<Held> {
    return this.#held.get(person);
  }

  add(one: Held): void {
    const others = this.of(one.person);
    this.#held.set(one.person, others.length === 0 ? one : [...others, one]);
  }

  delete(one: Held): void {
    const [first, ...more] = this.of(one.person).filter((other) => other !== one);
    if (first === undefined) this.#held.delete(one.person);
    else this.#held.set(one.person, more.length === 0 ? first : [first, ...more]);
  }

  clear(): void {
    this.#held.clear();
  }
}

export function isList<Held>(held: Held | readonly Held[]): held is readonly Held[] {
  return Array.isArray(held);
}
