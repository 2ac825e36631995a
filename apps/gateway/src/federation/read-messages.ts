import type { Readable } from 'node:stream';
import { isObject, type JsonObject } from '../mcp/message.js';
import { isEventStream } from '../mcp/relay.js';
import { readWhole, type UpstreamAnswer } from '../mcp/upstream-call.js';
import { parseExact } from './exact-json.js';

const longestMessage = 64 * 1024 * 1024;

export interface ReadMessage {
  readonly message: JsonObject;
  /** The event's id, with which the stream could be resumed. */
  readonly eventId: string | undefined;
}

/** The JSON-RPC messages of an answer as they come, of a JSON body or an event stream; throws where it breaks off. */
export async function* readMessages(answer: UpstreamAnswer): AsyncGenerator<ReadMessage> {
  if (isEventStream(answer)) {
    yield* readEvents(answer.body);
    return;
  }
  const text = await readWhole(answer, longestMessage);
  const message = text === undefined ? undefined : objectIn(text);
  if (message !== undefined) yield { message, eventId: undefined };
}

// The text of one event is gathered in pieces: a large result comes in thousands of chunks.
async function* readEvents(body: Readable): AsyncGenerator<ReadMessage> {
  const decoder = new TextDecoder();
  let eventId: string | undefined;
  let data: string[] = [];
  let line: string[] = [];
  let length = 0;
  for await (const chunk of body as AsyncIterable<Buffer>) {
    const [first = '', ...others] = decoder.decode(chunk, { stream: true }).split('\n');
    length += chunk.length;
    if (length > longestMessage) throw new RangeError('the message has no end');
    line.push(first);
    for (const next of others) {
      const text = line.join('').replace(/\r$/, '');
      line = [next];
      if (text.startsWith('data:')) data.push(text.slice(text[5] === ' ' ? 6 : 5));
      else if (text.startsWith('id:')) eventId = text.slice(3).trim();
      else if (text === '') {
        const message = data.length === 0 ? undefined : objectIn(data.join('\n'));
        data = [];
        length = 0;
        if (message !== undefined) yield { message, eventId };
      }
    }
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
