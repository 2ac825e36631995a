/** One dispatched message of an event stream; `event` is `message` where the stream names none. */
export interface ServerSentEvent {
  readonly event: string;
  readonly data: string;
  readonly id: string | undefined;
}

const maxLineLength = 1 << 20;

/** A stream that sends more than a MiB without a line end is not an event stream. */
export class EventStreamBroken extends Error {
  override readonly name = 'EventStreamBroken';
}

/**
 * Parses `text/event-stream` as WHATWG HTML §9.2.6 says: any of CR, LF and CRLF ends a line, also across
 * chunks; a message that the stream's end cuts off is dropped.
 */
export class EventStreamParser {
  readonly #decoder = new TextDecoder('utf-8');
  #rest = '';
  #endedWithCr = false;
  #event = '';
  #id: string | undefined;
  #data: string[] = [];

  /** The messages that this chunk completes. */
  *push(chunk: Uint8Array): Generator<ServerSentEvent> {
    let text = this.#decoder.decode(chunk, { stream: true });
    if (text === '') return;
    if (this.#endedWithCr && text.startsWith('\n')) text = text.slice(1);
    this.#endedWithCr = text === '' ? false : text.endsWith('\r');
    const lines = (this.#rest + text).split(/\r\n|\r|\n/);
    this.#rest = lines.pop() ?? '';
    if (this.#rest.length > maxLineLength) throw new EventStreamBroken('a line without an end');
    for (const line of lines) {
      const message = this.#line(line);
      if (message) yield message;
    }
  }

  #line(line: string): ServerSentEvent | undefined {
    if (line === '') return this.#dispatch();
    const colon = line.indexOf(':');
    const field = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? '' : line.slice(line[colon + 1] === ' ' ? colon + 2 : colon + 1);
    if (field === 'data') this.#data.push(value);
    else if (field === 'event') this.#event = value;
    else if (field === 'id' && !value.includes('\0')) this.#id = value;
    return undefined;
  }

  #dispatch(): ServerSentEvent | undefined {
    const message = { event: this.#event || 'message', data: this.#data.join('\n'), id: this.#id };
    const empty = this.#data.length === 0;
    this.#event = '';
    this.#data = [];
    return empty ? undefined : message;
  }
}
