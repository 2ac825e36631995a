import { Duplex } from 'node:stream';
import { StringDecoder } from 'node:string_decoder';

/** Rewrites the text of one JSON-RPC message, or answers it as it was. */
export type Rewrite = (json: string) => string | Promise<string>;

const longest = 16 * 1024 * 1024;
// Each of the three line ends may follow another.
const longestEnd = 3;
const blankLine = /(?:\r\n|\n|\r(?!\n))(?:\r\n|\n|\r)/g;

/** A JSON body, rewritten when it is whole. What is not JSON breaks off. */
export function rewrittenJson(rewrite: Rewrite): Duplex {
  return Duplex.from(async function* whole(source: AsyncIterable<Buffer>) {
    const chunks: Buffer[] = [];
    let length = 0;
    for await (const chunk of source) {
      length += chunk.length;
      if (length > longest) throw new RangeError('the list is too long');
      chunks.push(chunk);
    }
    const text = withoutMark(Buffer.concat(chunks).toString('utf8'));
    if (text !== '') yield await rewrite(text);
  });
}

/** Server-sent events, each handed on as it came unless its message is rewritten. */
export function rewrittenEvents(rewrite: Rewrite): Duplex {
  return Duplex.from(async function* events(source: AsyncIterable<Buffer>) {
    const split = new EventSplitter();
    for await (const chunk of source)
      for (const event of split.events(chunk)) yield await rewriteEvent(event, rewrite);
    const rest = split.end();
    // What no blank line ends is no event; but some clients take the last one all the same.
    if (rest !== '') yield await rewriteEvent(rest, rewrite);
  });
}

/** Cuts a stream into events, each with its blank line. What waits for its end is looked through once, however many pieces it comes in. */
class EventSplitter {
  readonly #decoder = new StringDecoder('utf8');
  #waiting: string[] = [];
  #length = 0;
  /** The last of what waits: an end may be cut in two. */
  #edge = '';

  events(chunk: Buffer): readonly string[] {
    const text = this.#decoder.write(chunk);
    this.#wait(text);
    if (!(this.#edge + text).match(blankLine)) {
      this.#edge = (this.#edge + text).slice(-longestEnd);
      if (this.#length > longest) throw new RangeError('the event has no end');
      return [];
    }
    const whole = this.#take();
    const ends = [...whole.matchAll(blankLine)].map(({ index, 0: end }) => index + end.length);
    const rest = whole.slice(ends.at(-1));
    this.#wait(rest);
    this.#edge = rest.slice(-longestEnd);
    if (this.#length > longest) throw new RangeError('the event has no end');
    return ends.map((end, i) => whole.slice(ends[i - 1] ?? 0, end));
  }

  end(): string {
    this.#wait(this.#decoder.end());
    return this.#take();
  }

  #wait(text: string): void {
    this.#waiting.push(text);
    this.#length += text.length;
  }

  #take(): string {
    const whole = this.#waiting.join('');
    this.#waiting = [];
    this.#length = 0;
    return whole;
  }
}

/** One event with its blank line. What holds no data (a comment, the first event of a stream) is left alone. */
export async function rewriteEvent(event: string, rewrite: Rewrite): Promise<string> {
  const lines = event.split(/(\r\n|\n|\r)/);
  const data = lines.flatMap((line, i) => (isData(line) ? [i] : []));
  const first = data[0];
  if (first === undefined) return event;
  const text = data.map((i) => payload(lines[i] ?? '')).join('\n');
  if (text.trim() === '') return event;
  const rewritten = await rewrittenIfJson(text, rewrite);
  // What cannot be judged is not handed on: some read as JSON what is none (NaN in a schema).
  if (rewritten === undefined) return '';
  if (rewritten === text) return event;
  const put = rewritten.split('\n').map((line) => `data: ${line}`);
  const ended = lines[first + 1] ?? '\n';
  return lines
    .flatMap((line, i) => {
      if (i === first) return [put.join(ended)];
      // The further data lines and the ends of those lines.
      return data.includes(i) || (data.includes(i - 1) && i - 1 !== first) ? [] : [line];
    })
    .join('');
}

async function rewrittenIfJson(text: string, rewrite: Rewrite): Promise<string | undefined> {
  try {
    return await rewrite(text);
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

function isData(line: string): boolean {
  return line === 'data' || line.startsWith('data:') || line.startsWith('\uFEFFdata:');
}

function payload(line: string): string {
  return line.slice(line.indexOf(':') + 1 || line.length).replace(/^ /, '');
}

function withoutMark(text: string): string {
  return text.startsWith('\uFEFF') ? text.slice(1) : text;
}
