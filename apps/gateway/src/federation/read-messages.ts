import type { Readable } from 'node:stream';
import { isObject, type JsonObject } from '../mcp/message.js';
import { isEventStream } from '../mcp/relay.js';
import { readWhole, type UpstreamAnswer } from '../mcp/upstream-call.js';
import { parseExact } from './exact-json.js';

const longestMessage = 64 * 1024 * 1024;

export interface ReadMessage {
  /** Undefined for an event that only says where the stream may be resumed. */
  readonly message: JsonObject | undefined;
  /** The last event's id, with which the stream could be resumed. */
  readonly eventId: string | undefined;
  /** After how long the server wants it to be. */
  readonly retryMs: number | undefined;
}

/**
 * The JSON-RPC messages of an answer as they come, of a JSON body, which has a deadline, or an event stream, which may be
 * silent for long; throws where it breaks off.
 */
export async function* readMessages(
  answer: UpstreamAnswer,
  timeoutMs: number,
): AsyncGenerator<ReadMessage> {
  if (isEventStream(answer)) {
    yield* readEvents(answer.body);
    return;
  }
  const timer = setTimeout(
    () => answer.body.destroy(new Error('the upstream stopped in the middle of its answer')),
    timeoutMs,
  );
  const text = await readWhole(answer, longestMessage).finally(() => clearTimeout(timer));
  const message = text === undefined ? undefined : objectIn(text);
  if (message !== undefined) yield { message, eventId: undefined, retryMs: undefined };
}

async function* readEvents(body: Readable): AsyncGenerator<ReadMessage> {
  const reader = new EventReader();
  for await (const chunk of body as AsyncIterable<Buffer>) yield* reader.push(chunk);
}

/** The text of one line is gathered in pieces: a large result comes in thousands of chunks. */
class EventReader {
  readonly #decoder = new TextDecoder();
  #eventId: string | undefined;
  #retryMs: number | undefined;
  #data: string[] = [];
  #line: string[] = [];
  #length = 0;

  *push(chunk: Buffer): Generator<ReadMessage> {
    const [first = '', ...others] = this.#decoder.decode(chunk, { stream: true }).split('\n');
    this.#length += chunk.length;
    if (this.#length > longestMessage) throw new RangeError('the message has no end');
    this.#line.push(first);
    for (const next of others) {
      const text = this.#line.join('').replace(/\r$/, '');
      this.#line = [next];
      if (text !== '') this.#take(text);
      else yield { message: this.#ended(), eventId: this.#eventId, retryMs: this.#retryMs };
    }
  }

  #take(line: string): void {
    if (line.startsWith('data:')) this.#data.push(line.slice(line[5] === ' ' ? 6 : 5));
    else if (line.startsWith('id:')) this.#eventId = line.slice(3).trim();
    else if (/^retry: ?\d{1,9}$/.test(line)) this.#retryMs = Number(line.slice(6));
  }

  #ended(): JsonObject | undefined {
    const data = this.#data;
    this.#data = [];
    this.#length = 0;
    return data.length === 0 ? undefined : objectIn(data.join('\n'));
  }
}

function objectIn(text: string): JsonObject | undefined {
  try {
    const value = parseExact(text);
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}
