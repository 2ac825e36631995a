import type { Readable } from 'node:stream';

const longestEvent = 4 * 1024 * 1024;
const blankLine = /\r\n\r\n|\n\n|\r\r/g;

/** Hands on the events of an upstream's stream, each whole. Resolves when the stream ends, however it does. */
export async function mergeEvents(body: Readable, write: (event: string) => void): Promise<void> {
  const decoder = new TextDecoder();
  let rest = '';
  try {
    for await (const chunk of body as AsyncIterable<Buffer>) {
      rest += decoder.decode(chunk, { stream: true });
      let from = 0;
      for (const found of rest.matchAll(blankLine)) {
        const end = found.index + found[0].length;
        write(rest.slice(from, end));
        from = end;
      }
      rest = rest.slice(from);
      if (rest.length > longestEvent) throw new RangeError('the event has no end');
    }
  } catch {
    // The upstream, a revoke or the client ended it: what is next is not decided here.
  }
}
