/** Something under way that can be given up. */
export interface Cancellable {
  cancel(reason?: unknown): Promise<void>;
}

/** The calls of legacy sessions that are under way, to be cancelled by the client's own id. */
export class ActiveCalls {
  readonly #calls = new Map<string, { open: Cancellable; readonly cancelled: () => void }>();

  /** `cancelled` is called when the client has lost interest. Answers how to take the call away, or put another in. */
  enter(
    nonce: string,
    id: string | number,
    open: Cancellable,
    cancelled: () => void,
  ): { readonly leave: () => void; readonly replace: (open: Cancellable) => void } {
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
