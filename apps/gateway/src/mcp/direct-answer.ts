import { Readable } from 'node:stream';
import type { IncomingHttpHeaders } from 'node:http';
import type { Dispatcher } from 'undici';
import type { CallResponse } from '../connection/exchange.js';

const mostEarly = 64 * 1024;
const notRead = new Error('nobody reads the answer');

/** What may end a request before its answer is complete; each `watch` answers how to stop watching. */
export interface Ending {
  watch(end: () => void): () => void;
}

/** Who asked. */
export interface AnswerReader {
  /** The head is here; what comes of the body waits until somebody reads it. */
  answered(answer: DirectAnswer): void;
  /** There is no head; `ended` where the call ended first. */
  failed(error: Error): void;
  /** Nothing more comes of an answer whose head was here. */
  over?(): void;
  /** As much waits as may; the rest comes once somebody reads it. */
  filled?(): void;
}

/**
 * One answer of an upstream as undici's own handler. What comes with the head waits here; a stream is made of the
 * body only for those who read it, and a short answer goes on as one packet.
 */
export class DirectAnswer implements Dispatcher.DispatchHandler {
  status = 0;
  headers: IncomingHttpHeaders = {};
  #controller: Dispatcher.DispatchController | undefined;
  #early: Buffer[] = [];
  #earlyBytes = 0;
  #error: Error | undefined;
  /** Nothing more comes. */
  #over = false;
  #body: Readable | undefined;
  #sink: Sink | undefined;
  #ignored = false;
  readonly #unwatch: () => void;

  private constructor(
    private readonly reader: AnswerReader,
    ending: Ending,
  ) {
    this.#unwatch = ending.watch(() => this.abort(ended));
  }

  /** Sends the request; everything else comes to the reader. */
  static begin(
    dispatcher: Dispatcher,
    request: Dispatcher.DispatchOptions,
    ending: Ending,
    reader: AnswerReader,
  ): void {
    dispatcher.dispatch(request, new DirectAnswer(reader, ending));
  }

  /** Resolves with the head of the answer. Rejects with `ended` where the call ended first. */
  static to(
    dispatcher: Dispatcher,
    request: Dispatcher.DispatchOptions,
    ending: Ending,
  ): Promise<DirectAnswer> {
    return new Promise((resolve, reject) => {
      DirectAnswer.begin(dispatcher, request, ending, { answered: resolve, failed: reject });
    });
  }

  /** The request is of no more use; what came whole leaves its connection open. */
  abort(reason: Error): void {
    if (this.#over) return;
    this.#error ??= reason;
    if (this.#controller !== undefined) return this.#controller.abort(reason);
    // It waits for a connection; should that come, the request ends as it starts.
    this.reader.failed(reason);
  }

  discard(): void {
    this.#early = [];
    this.abort(notRead);
  }

  get body(): Readable {
    this.#body ??= this.#stream();
    return this.#body;
  }

  /** What came, where that is all of it and nobody has read any. */
  get whole(): Buffer | undefined {
    if (!this.#over || this.#error !== undefined || this.#body !== undefined) return undefined;
    const [only] = this.#early;
    return only !== undefined && this.#early.length === 1 ? only : Buffer.concat(this.#early);
  }

  /** Nothing more comes of it. */
  get isOver(): boolean {
    return this.#over;
  }

  /** Resolves once the client has all or has left; rejects where the answer broke off. */
  pipeTo(response: CallResponse): Promise<void> {
    return new Promise((resolve, reject) => {
      response.once('close', () => {
        this.discard();
        resolve();
      });
      this.passTo(response, reject);
    });
  }

  /** From here on everything goes to the client as it comes, the end too. */
  passTo(response: CallResponse, cutOff: (error: Error) => void): void {
    if (this.#error !== undefined) return cutOff(this.#error);
    this.#sink = { response, cutOff };
    const early = this.#early;
    this.#early = [];
    if (this.#over) return void response.end(early.length === 1 ? early[0] : Buffer.concat(early));
    for (const chunk of early) this.#pass(chunk, response);
    if (this.#earlyBytes > mostEarly && !response.writableNeedDrain) this.#controller?.resume();
  }

  /** Nobody wants the rest, and the upstream may finish all the same. */
  ignoreRest(): void {
    this.#ignored = true;
    this.#sink = undefined;
    this.#controller?.resume();
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    if (this.#error !== undefined) controller.abort(this.#error);
  }

  onResponseStart(
    _controller: Dispatcher.DispatchController,
    status: number,
    headers: IncomingHttpHeaders,
  ): void {
    if (status < 200) return;
    this.status = status;
    this.headers = headers;
    this.reader.answered(this);
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.#ignored) return;
    if (this.#sink !== undefined) return this.#pass(chunk, this.#sink.response);
    if (this.#body !== undefined) {
      if (!this.#body.push(chunk)) controller.pause();
      return;
    }
    this.#early.push(chunk);
    this.#earlyBytes += chunk.length;
    if (this.#earlyBytes <= mostEarly) return;
    controller.pause();
    this.reader.filled?.();
  }

  onResponseEnd(): void {
    this.#over = true;
    this.#unwatch();
    this.#sink?.response.end();
    this.#body?.push(null);
    this.reader.over?.();
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    this.#error ??= error;
    this.#over = true;
    this.#unwatch();
    if (this.status === 0) this.reader.failed(error);
    this.#sink?.cutOff(error);
    this.#body?.destroy(error);
    if (this.status !== 0) this.reader.over?.();
  }

  #pass(chunk: Buffer, response: CallResponse): void {
    if (response.write(chunk)) return;
    this.#controller?.pause();
    response.once('drain', () => this.#controller?.resume());
  }

  #stream(): Readable {
    const body = new Readable({
      read: () => this.#controller?.resume(),
      destroy: (error, done) => {
        this.abort(error ?? notRead);
        done(error);
      },
    });
    for (const chunk of this.#early) body.push(chunk);
    this.#early = [];
    if (this.#error !== undefined) body.destroy(this.#error);
    else if (this.#over) body.push(null);
    return body;
  }
}

interface Sink {
  readonly response: CallResponse;
  readonly cutOff: (error: Error) => void;
}

/** Why a request was given up: its caller left, or the grant was revoked. */
export const ended = new Error('the call has ended');
