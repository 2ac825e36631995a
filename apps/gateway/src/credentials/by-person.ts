import type { Use } from './use.js';

/** What is whose. Almost everybody has one: a set for each would cost more than what is in it. */
export class ByPerson<Held extends { readonly use: Use }> {
  readonly #held = new Map<string, Held | readonly Held[]>();

  of(person: string): readonly Held[] {
    const held = this.#held.get(person);
    if (held === undefined) return [];
    return isList(held) ? held : [held];
  }

  add(one: Held): void {
    const { person } = one.use;
    const others = this.of(person);
    this.#held.set(person, others.length === 0 ? one : [...others, one]);
  }

  delete(one: Held): void {
    const { person } = one.use;
    const [first, ...more] = this.of(person).filter((other) => other !== one);
    if (first === undefined) this.#held.delete(person);
    else this.#held.set(person, more.length === 0 ? first : [first, ...more]);
  }

  clear(): void {
    this.#held.clear();
  }
}

function isList<Held>(held: Held | readonly Held[]): held is readonly Held[] {
  return Array.isArray(held);
}
