import { isObject, type JsonObject } from './message.js';

const most = 2000;
const mostCharacters = 64 * 1024 * 1024;

/**
 * The first page of each list as one person saw it last through one application; never anybody else's.
 * In this replica's memory, the oldest go first.
 */
export class RememberedLists {
  readonly #texts = new Map<string, string>();
  #characters = 0;

  put(sharer: string, era: string, method: string, result: JsonObject): void {
    const key = JSON.stringify([sharer, era, method]);
    const { nextCursor, ...firstPage } = result;
    const text = JSON.stringify(firstPage);
    this.#drop(key);
    this.#texts.set(key, text);
    this.#characters += text.length;
    for (const oldest of this.#texts.keys()) {
      if (this.#texts.size <= most && this.#characters <= mostCharacters) return;
      this.#drop(oldest);
    }
  }

  get(sharer: string, era: string, method: string): JsonObject | undefined {
    const value = parsed(this.#texts.get(JSON.stringify([sharer, era, method])) ?? '');
    return isObject(value) ? value : undefined;
  }

  #drop(key: string): void {
    this.#characters -= this.#texts.get(key)?.length ?? 0;
    this.#texts.delete(key);
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
