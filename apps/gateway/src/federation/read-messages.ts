import { text } from 'node:stream/consumers';
import type { UpstreamConfig } from '#lib/contract/config-snapshot';
import { isObject, type JsonObject } from '../mcp/message.js';
import { isEventStream } from '../mcp/relay.js';
import type { UpstreamAnswer } from '../mcp/upstream-call.js';
import { parseExact } from './exact-json.js';

/** Of one message, where the upstream's registration says nothing else. */
const usualMessageBytes = 16 * 1024 * 1024;

/** Its message is a public sentence. */
export class MessageTooLong extends Error {
  constructor({ name }: Pick<UpstreamConfig, 'name'>, most: number) {
    super(
      `${name} answered with a message of more than the ${most} bytes that are taken of it here.`,
    );
  }
}

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
 * silent for long; throws where it breaks off, and MessageTooLong.
 */
export async function* readMessages(
  answer: UpstreamAnswer,
  upstream: Pick<UpstreamConfig, 'name' | 'timeoutMs' | 'limits'>,
): AsyncGenerator<ReadMessage> {
  const most = upstream.limits?.messageBytes ?? usualMessageBytes;
  const tooLong = (): MessageTooLong => new MessageTooLong(upstream, most);
  if (isEventStream(answer)) {
    const reader = new EventReader(most, tooLong);
    for await (const chunk of answer.body as AsyncIterable<Buffer>) yield* reader.push(chunk);
    return;
  }
  const message = objectIn(await readJson(answer, upstream.timeoutMs, most, tooLong));
  if (message !== undefined) yield { message, eventId: undefined, retryMs: undefined };
}

async function readJson(
  { body }: UpstreamAnswer,
  timeoutMs: number,
  ...[most, tooLong]: [number, () => MessageTooLong]
): Promise<string> {
  const late = new Error('the upstream stopped in the middle of its answer');
  const timer = setTimeout(() => body.destroy(late), timeoutMs);
  let length = 0;
  body.on('data', (chunk: Buffer) => {
    length += chunk.length;
    if (length > most) body.destroy(tooLong());
  });
  return text(body).finally(() => clearTimeout(timer));
}

/** The text of one line is gathered in pieces: a large result comes in thousands of chunks. */
class EventReader {
  readonly #decoder = new TextDecoder();
  #eventId: string | undefined;
  #retryMs: number | undefined;
  #data: string[] = [];
  #line: string[] = [];
  #length = 0;

  constructor(
    private readonly most: number,
    private readonly tooLong: () => MessageTooLong,
  ) {}

  *push(chunk: Buffer): Generator<ReadMessage> {
    const [first = '', ...others] = this.#decoder.decode(chunk, { stream: true }).split('\n');
    this.#length += chunk.length;
    if (this.#length > this.most) throw this.tooLong();
    this.#line.push(first);
    for (const next of others) {
      const line = this.#line.join('').replace(/\r$/, '');
      this.#line = [next];
      if (line !== '') this.#take(line);
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
