import { connect, type Socket } from 'node:net';
import { AnswerFraming } from './answer-framing.js';

/** What a connection asks, and tells. */
export interface Asking {
  readonly host: string;
  readonly port: number;
  next(): Buffer;
  /** Milliseconds by performance.now() at which this connection asks next, after `now`; Infinity: no more. */
  nextAt(connection: LoadConnection, now: number): number;
  answered(askedMs: number, now: number, ok: boolean): void;
}

const readBytes = 64 * 1024;

/** One connection with one request in flight. Reads go into one buffer of its own, so that none is allocated. */
export class LoadConnection {
  readonly #framing = new AnswerFraming();
  #socket!: Socket;
  #askedMs = 0;
  #inFlight = false;
  #over = false;
  /** When it asked last by plan: what a paced one counts from. */
  plannedMs = 0;

  constructor(private readonly asking: Asking) {}

  open(): Promise<void> {
    return new Promise((resolve, reject) => {
      const { host, port } = this.asking;
      const buffer = Buffer.allocUnsafe(readBytes);
      const callback = (length: number): boolean => {
        this.#read(buffer.subarray(0, length));
        return true;
      };
      const socket = connect({ host, port, noDelay: true, onread: { buffer, callback } }, resolve);
      this.#socket = socket;
      socket.once('error', reject);
      socket.once('close', () => this.#closed());
    });
  }

  /** Asks when it is time. */
  start(): void {
    const now = performance.now();
    const at = this.asking.nextAt(this, now);
    if (at === Infinity) return;
    if (at <= now) this.#ask();
    else setTimeout(this.#ask, at - now);
  }

  /** Whether a request had no answer yet. */
  close(): boolean {
    this.#over = true;
    this.#socket.destroy();
    return this.#inFlight;
  }

  readonly #ask = (): void => {
    if (this.#over) return;
    this.#inFlight = true;
    this.#askedMs = performance.now();
    this.#socket.write(this.asking.next());
  };

  #read(bytes: Buffer): void {
    if (!this.#framing.take(bytes)) return;
    this.#inFlight = false;
    const now = performance.now();
    this.asking.answered(this.#askedMs, now, this.#framing.ok);
    if (this.#framing.closes) this.#socket.destroy();
    else this.start();
  }

  /** The server ended it: that is a failure if an answer was due; the load goes on over a new one. */
  #closed(): void {
    if (this.#over) return;
    if (this.#inFlight) this.asking.answered(this.#askedMs, performance.now(), false);
    this.#inFlight = false;
    setTimeout(() => {
      if (this.#over) return;
      this.open().then(
        () => this.start(),
        () => undefined,
      );
    }, 10);
  }
}
