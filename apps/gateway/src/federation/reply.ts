import type { CallResponse } from '../connection/exchange.js';
import { EventStream } from '../mcp/event-stream.js';
import type { JsonObject } from '../mcp/message.js';
import type { RpcAnswer } from '../mcp/rpc-answer.js';
import { printExact } from './exact-json.js';

/** The answer to one request: plain JSON, or a stream once something must be said before it. */
export class Reply {
  #stream: EventStream | undefined;
  #done = false;

  constructor(
    private readonly response: CallResponse,
    readonly id: string | number,
  ) {}

  get isOpen(): boolean {
    return !this.#done && !this.response.destroyed;
  }

  /** From now on as a stream: the upstream takes its time. */
  stream(): void {
    if (this.isOpen) this.#stream ??= new EventStream(this.response);
  }

  /** A message before the answer. */
  send(message: JsonObject): void {
    if (!this.isOpen) return;
    this.stream();
    this.#stream?.write(`event: message\ndata: ${printExact(message)}\n\n`);
  }

  result(value: unknown): void {
    this.#end(200, printExact({ jsonrpc: '2.0', id: this.id, result: value }));
  }

  /** A result whose JSON is there already, as the whole answer. */
  resultBytes(bytes: Buffer): void {
    if (!this.isOpen) return;
    this.#done = true;
    const before = Buffer.from(`{"jsonrpc":"2.0","id":${JSON.stringify(this.id)},"result":`);
    this.#head(200, before.length + bytes.length + 1);
    // One write to the socket, and no copy of the list.
    this.response.cork();
    this.response.write(before);
    this.response.write(bytes);
    this.response.end('}');
    this.response.uncork();
  }

  answer({ status, body, headers }: RpcAnswer): void {
    this.#end(status, printExact(body), headers);
  }

  /** Without an answer: the client has cancelled its request. */
  close(): void {
    if (!this.isOpen) return;
    this.stream();
    this.#done = true;
    this.#stream?.end();
  }

  #end(status: number, text: string, headers: Readonly<Record<string, string>> = {}): void {
    if (!this.isOpen) return;
    this.#done = true;
    if (this.#stream !== undefined) {
      this.response.write(`event: message\ndata: ${text}\n\n`);
      return this.#stream.end();
    }
    this.#head(status, Buffer.byteLength(text), headers);
    this.response.end(text);
  }

  #head(status: number, length: number, headers: Readonly<Record<string, string>> = {}): void {
    this.response.writeHead(status, {
      'content-type': 'application/json',
      'content-length': length,
      'cache-control': 'no-store',
      ...headers,
    });
  }
}
