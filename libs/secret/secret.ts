import { inspect } from 'node:util';

const redacted = '[redacted]';

/** A string that logs, JSON and errors print as `[redacted]`; `reveal()` is the one way to its value. */
export class Secret {
  readonly #value: string;

  constructor(value: string) {
    this.#value = value;
  }

  reveal(): string {
    return this.#value;
  }

  toString(): string {
    return redacted;
  }

  toJSON(): string {
    return redacted;
  }

  [inspect.custom](): string {
    return redacted;
  }
}
