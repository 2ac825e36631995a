const headEnd = Buffer.from('\r\n\r\n');
const lineEnd = Buffer.from('\r\n');

/** Where a message on an HTTP/1.1 connection ends, by Content-Length or chunks. It reads no more than that takes. */
export abstract class MessageFraming {
  #state: 'head' | 'length' | 'size' | 'chunk' | 'trailer' = 'head';
  /** Bytes still to come of the body, or of the chunk and its line end. */
  #left = 0;
  /** Of a head or a line that broke off at the end of a read. */
  #kept: Buffer | undefined;

  /** Start line and fields of a message that begins. Whether it is an interim one, which another follows. */
  protected abstract begun(head: string): boolean;

  /** A part of the body, in order; it stays valid only for this call. */
  protected abstract came(part: Buffer): void;

  /** Whether the message is whole with these bytes, which are looked at once and not kept. Nobody pipelines here. */
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

  /** Answers how far it read; -1 where it needs more. State `head` afterwards: the message is whole. */
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
    const next = end + headEnd.length;
    if (this.begun(head)) return this.#head(bytes, next);
    const length = /\r\ncontent-length: *(\d+)/i.exec(head)?.[1];
    if (length !== undefined) {
      this.#left = Number(length);
      this.#state = this.#left === 0 ? 'head' : 'length';
    } else if (/\r\ntransfer-encoding: *chunked/i.test(head)) this.#state = 'size';
    return next;
  }

  #body(bytes: Buffer, at: number): number {
    const next = Math.min(at + this.#left, bytes.length);
    const ending = this.#state === 'chunk' ? lineEnd.length : 0;
    const part = Math.min(next, at + this.#left - ending);
    if (part > at) this.came(bytes.subarray(at, part));
    this.#left -= next - at;
    if (this.#left === 0) this.#state = this.#state === 'length' ? 'head' : 'size';
    return next;
  }
}
