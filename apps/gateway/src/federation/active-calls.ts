import type { OpenCall } from './open-call.js';

/** The calls of legacy sessions that are under way, to be cancelled by the client's own id. */
export class ActiveCalls {
  readonly #calls = new Map<string, { open: OpenCall; readonly cancelled: () => void }>();

  /** `cancelled` is called when the client has lost interest. Answers how to take the call away, or put another in. */
  enter(
    nonce: string,
    id: string | number,
    open: OpenCall,
    cancelled: () => void,
  ): { readonly leave: () => void; readonly replace: (open: OpenCall) => void } {
    const key = JSON.stringify([nonce, id]);
    const entry = { open, cancelled };
    this.#calls.set(key, entry);
    return {
      leave: () => {
        if (this.#calls.get(key) === entry) this.#calls.delete(key);
      },
      replace: (next) => {
        entry.open = next;
      },
    };
  }

  cancel(nonce: string, id: unknown, reason: unknown): void {
    const key = JSON.stringify([nonce, id]);
    const call = this.#calls.get(key);
    if (call === undefined) return;
    this.#calls.delete(key);
    call.cancelled();
    void call.open.cancel(reason);
  }
}
