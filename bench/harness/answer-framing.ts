const headEnd = Buffer.from('\r\n\r\n');
const lineEnd = Buffer.from('\r\n');
const rpcError = Buffer.from('"error":{');
/** Where a JSON-RPC error stands, if there is one. */
const errorWithin = 512;

/**
 * Where an answer on an HTTP/1.1 connection ends, by Content-Length or chunks, and whether it is what was asked for:
 * a 2xx without a JSON-RPC error. It reads no more than that takes.
 */
export class AnswerFraming {
  #state: 'head' | 'length' | 'size' | 'chunk' | 'trailer' = 'head';
  /** Bytes still to come of the body or of the chunk with its line end. */
  #left = 0;
  /** Of a head or a line that broke off at the end of a read. */
  #kept: Buffer | undefined;
  #unseen = errorWithin;
  /** Of the answer that has ended, or is under way. */
  ok = false;
  /** The server ends the connection after this answer. */
  closes = false;

  /** Whether the answer is whole with these bytes, which are looked at once and not kept. */
  take(bytes: Buffer): boolean {
    let rest = bytes;
    if (this.#kept !== undefined) {
      rest = Buffer.concat([this.#kept, bytes]);
      this.#kept = undefined;
    }
    let at = 0;
    while (at < rest.length) {
      const next = this.#step(rest, at);
      if (next === -1) {
        this.#kept = Buffer.from(rest.subarray(at));
        return false;
      }
      at = next;
      if (this.#state === 'head') return true;
    }
    return false;
  }

  /** Answers how far it read; -1 where it needs more. State `head` afterwards: the answer is whole. */
  #step(bytes: Buffer, at: number): number {
    if (this.#state === 'head') return this.#head(bytes, at);
    if (this.#state === 'length' || this.#state === 'chunk') return this.#body(bytes, at);
    const end = bytes.indexOf(lineEnd, at);
    if (end === -1) return -1;
    if (this.#state === 'size') {
      const size = Number.parseInt(bytes.toString('latin1', at, end), 16);
      this.#state = size === 0 ? 'trailer' : 'chunk';
      this.#left = size + lineEnd.length;
    } else if (end === at) this.#state = 'head';
    return end + lineEnd.length;
  }

  #head(bytes: Buffer, at: number): number {
    const end = bytes.indexOf(headEnd, at);
    if (end === -1) return -1;
    const head = bytes.toString('latin1', at, end);
    const status = Number(head.slice(9, 12));
    const next = end + headEnd.length;
    if (status >= 100 && status < 200) return this.#head(bytes, next);
    this.ok = status >= 200 && status < 300;
    this.closes = /\r\nconnection: *close/i.test(head);
    this.#unseen = errorWithin;
    const length = /\r\ncontent-length: *(\d+)/i.exec(head)?.[1];
    if (length !== undefined) {
      this.#left = Number(length);
      this.#state = this.#left === 0 ? 'head' : 'length';
    } else if (/\r\ntransfer-encoding: *chunked/i.test(head)) this.#state = 'size';
    return next;
  }

  #body(bytes: Buffer, at: number): number {
    const next = Math.min(at + this.#left, bytes.length);
    if (this.#unseen > 0 && this.ok) {
      const seen = bytes.subarray(at, Math.min(next, at + this.#unseen));
      this.#unseen -= seen.length;
      if (seen.includes(rpcError)) this.ok = false;
    }
    this.#left -= next - at;
    if (this.#left === 0) this.#state = this.#state === 'length' ? 'head' : 'size';
    return next;
  }
}
