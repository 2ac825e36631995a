import { personPrefix } from './federated-call.js';
import type { Changes } from './list-kinds.js';

export interface ChangeListener {
  readonly listsChanged: (changes: readonly Changes[]) => void;
  /** `uri` is the joined one. */
  readonly resourceUpdated: (params: { readonly uri: string }) => void;
}

/** Who at this replica wants to hear of changes upstream, by person and application. */
export class ListChanges {
  readonly #listeners = new Map<string, Set<ChangeListener>>();

  /** Tells `listener` of each change; answers the way to stop. */
  listen(person: string, listener: ChangeListener): () => void {
    const listeners = this.#listeners.get(person) ?? new Set();
    this.#listeners.set(person, listeners.add(listener));
    return () => {
      listeners.delete(listener);
      if (listeners.size === 0) this.#listeners.delete(person);
    };
  }

  announce(person: string, changes: readonly Changes[]): void {
    for (const listener of this.#of(person)) listener.listsChanged(changes);
  }

  /** Through whatever application. */
  announceToPerson(issuer: string, subject: string, changes: readonly Changes[]): void {
    const prefix = personPrefix(issuer, subject);
    for (const person of this.#listeners.keys())
      if (person.startsWith(prefix)) this.announce(person, changes);
  }

  announceToAll(changes: readonly Changes[]): void {
    for (const person of this.#listeners.keys()) this.announce(person, changes);
  }

  announceUpdate(person: string, params: { readonly uri: string }): void {
    for (const listener of this.#of(person)) listener.resourceUpdated(params);
  }

  #of(person: string): readonly ChangeListener[] {
    return [...(this.#listeners.get(person) ?? [])];
  }
}
