import { MessageFraming } from './message-framing.js';

const rpcError = Buffer.from('"error":{');
/** Where a JSON-RPC error stands, if there is one. */
const errorWithin = 512;

/** Whether an answer is whole, and what was asked for: a 2xx without a JSON-RPC error. */
export class AnswerFraming extends MessageFraming {
  #unseen = errorWithin;
  /** Of the answer that has ended, or is under way. */
  ok = false;
  status = 0;
  /** The server ends the connection after this answer. */
  closes = false;

  protected begun(head: string): boolean {
    const status = Number(head.slice(9, 12));
    if (status < 200) return true;
    this.status = status;
    this.ok = status < 300;
    this.closes = /\r\nconnection: *close/i.test(head);
    this.#unseen = errorWithin;
    return false;
  }

  protected came(part: Buffer): void {
    if (this.#unseen <= 0 || !this.ok) return;
    const seen = part.length > this.#unseen ? part.subarray(0, this.#unseen) : part;
    this.#unseen -= seen.length;
    if (seen.includes(rpcError)) this.ok = false;
  }
}
