/** RFC 9112 §7.1, without the spaces that it forbids to send. What an extension says is not for us. */
const sizeLine =
  /^([0-9A-Fa-f]{1,8})(?:;[!#$%&'*+\-.^_`|~0-9A-Za-z]+(?:=(?:[!#$%&'*+\-.^_`|~0-9A-Za-z]+|"[ !#-[\]-~]*"))?)*\r\n$/;
const trailer = /^(?:[!#$%&'*+\-.^_`|~0-9A-Za-z]+:[\t\x20-\x7e\x80-\xff]*)?\r\n$/;
const longestLine = 1024;
const longestTrailers = 16 * 1024;

/** A body in chunks, decoded as it comes. */
export class ChunkedBody {
  /** What is awaited: the line of a size, the data, the line end after them, trailers. */
  #awaited: 'size' | 'data' | 'end' | 'trailers' = 'size';
  /** Bytes of the chunk that are not here. */
  #owed = 0;
  /** Of a line that is not whole. */
  #line = '';
  #trailers = 0;

  /** The last of it has been read. */
  isOver = false;

  /**
   * Gives on what of the body is in `bytes`, until `data` wants no more. How many of them were read: all, unless it paused or
   * the body ended. Throws MalformedChunks.
   */
  read(bytes: Buffer, data: (chunk: Buffer) => boolean): number {
    for (let at = 0; at < bytes.length;) {
      if (this.#awaited === 'data') {
        const end = Math.min(bytes.length, at + this.#owed);
        this.#owed -= end - at;
        if (this.#owed === 0) this.#awaited = 'end';
        const wantsMore = data(bytes.subarray(at, end));
        at = end;
        if (wantsMore) continue;
        return at;
      }
      const end = bytes.indexOf(0x0a, at) + 1;
      this.#line += bytes.toString('latin1', at, end === 0 ? bytes.length : end);
      if (this.#line.length > longestLine) throw new MalformedChunks();
      if (end === 0) break;
      at = end;
      this.isOver = this.#isLast();
      if (this.isOver) return at;
    }
    return bytes.length;
  }

  /** Takes the line that is whole now; true after the last. */
  #isLast(): boolean {
    const line = this.#line;
    this.#line = '';
    switch (this.#awaited) {
      case 'size':
        this.#begin(line);
        return false;
      case 'end':
        if (line !== '\r\n') throw new MalformedChunks();
        this.#awaited = 'size';
        return false;
      default:
        this.#trailers += line.length;
        if (this.#trailers > longestTrailers || !trailer.test(line)) throw new MalformedChunks();
        return line === '\r\n';
    }
  }

  #begin(line: string): void {
    const size = sizeLine.exec(line)?.[1];
    if (size === undefined) throw new MalformedChunks();
    this.#owed = Number.parseInt(size, 16);
    this.#awaited = this.#owed === 0 ? 'trailers' : 'data';
  }
}

/** Coded as undici's parser codes it. Without a byte of the answer, which may hold a secret. */
export class MalformedChunks extends Error {
  override readonly name = 'HTTPParserError';
  readonly code = 'HPE_INVALID_CHUNK_SIZE';

  constructor() {
    super('the chunks of an answer are malformed');
  }
}
