const perPerson = 32;

/** How many long-lived streams one person holds open here (row 30). */
export class OpenStreams {
  readonly #open = new Map<string, number>();

  /** Answers how to close again; undefined: too many (answer 429). */
  open(caller: { readonly issuer: string; readonly subject: string }): (() => void) | undefined {
    const person = JSON.stringify([caller.issuer, caller.subject]);
    const count = this.#open.get(person) ?? 0;
    if (count >= perPerson) return undefined;
    this.#open.set(person, count + 1);
    let closed = false;
    return () => {
      if (closed) return;
      closed = true;
      const left = (this.#open.get(person) ?? 1) - 1;
      if (left === 0) this.#open.delete(person);
      else this.#open.set(person, left);
    };
  }
}
