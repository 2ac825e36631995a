const most = 500;
const longest = 4096;
const decoy = /t[0-9a-f]{32}/g;

/**
 * What stood in place of hidden tools in calls of legacy clients: the answer to one may come on a stream that is resumed,
 * at this replica or nowhere. Bounded; the oldest go first.
 */
export class Decoys {
  readonly #names = new Map<string, string>();

  remember(sent: string, name: unknown): void {
    if (typeof name !== 'string' || name.length > longest) return;
    this.#names.set(sent, JSON.stringify(name).slice(1, -1));
    const [oldest] = this.#names.keys();
    if (this.#names.size > most && oldest !== undefined) this.#names.delete(oldest);
  }

  /** A message with the names that were asked for. */
  undo(json: string): string {
    if (this.#names.size === 0) return json;
    return json.replaceAll(decoy, (found) => this.#names.get(found) ?? found);
  }
}
