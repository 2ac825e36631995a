import { randomBytes } from 'node:crypto';

/** Ids of our own requests and progress tokens; no two replicas make the same. */
class RequestIds {
  readonly #replica = randomBytes(9).toString('base64url');
  #count = 0;

  next(): string {
    this.#count += 1;
    return `${this.#replica}:${this.#count}`;
  }
}

export const requestIds = new RequestIds();
