import { isObject, type JsonObject } from './message.js';

const most = 2000;

/**
 * The first page of each list as one person saw it last through one application; never anybody else's.
 * In this replica's memory, the least recently written go first.
 */
export class RememberedLists {
  readonly #results = new Map<string, JsonObject>();

  put(sharer: string, era: string, method: string, result: JsonObject): void {
    const key = JSON.stringify([sharer, era, method]);
    const { nextCursor, ...firstPage } = result;
    this.#results.delete(key);
    this.#results.set(key, firstPage);
    if (this.#results.size <= most) return;
    const [oldest] = this.#results.keys();
    if (oldest !== undefined) this.#results.delete(oldest);
  }

  get(sharer: string, era: string, method: string): JsonObject | undefined {
    return this.#results.get(JSON.stringify([sharer, era, method]));
  }
}

/** The result for request `id` in a JSON body or an event stream that ended. */
export function resultOf(
  contentType: string,
  text: string,
  id: string | number,
): JsonObject | undefined {
  for (const json of contentType.startsWith('text/event-stream') ? eventData(text) : [text]) {
    const message = parsed(json);
    if (isObject(message) && message['id'] === id && isObject(message['result']))
      return message['result'];
  }
  return undefined;
}

function* eventData(text: string): Generator<string> {
  for (const event of text.split(/\r\n\r\n|\n\n|\r\r/)) {
    const lines = event.split(/\r\n|\n|\r/).filter((line) => line.startsWith('data:'));
    if (lines.length > 0) yield lines.map((line) => line.slice(5).replace(/^ /, '')).join('\n');
  }
}

function parsed(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    return undefined;
  }
}
