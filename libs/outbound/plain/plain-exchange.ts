import type { Dispatcher } from 'undici';
import type { PlainRequest } from './plain-request.js';

/** Whoever carries an exchange out. */
export interface Carrier {
  /** Nothing more of it is wanted. */
  abandon(): void;
  pause(): void;
  resume(): void;
}

/** One request, and who hears of its answer. The handler's own controller, of no more effect once the answer is over. */
export class PlainExchange implements Dispatcher.DispatchController {
  aborted = false;
  paused = false;
  reason: Error | null = null;
  /** There is nothing more to hear of it. */
  isOver = false;
  carrier: Carrier | undefined;

  constructor(
    readonly request: PlainRequest,
    readonly handler: Dispatcher.DispatchHandler,
    /** As they were given, for undici. */
    readonly options: Dispatcher.DispatchOptions,
  ) {}

  abort(reason: Error): void {
    if (this.isOver) return;
    this.aborted = true;
    this.reason = reason;
    this.fail(reason);
  }

  pause(): void {
    if (this.isOver || this.paused) return;
    this.paused = true;
    this.carrier?.pause();
  }

  resume(): void {
    if (!this.paused) return;
    this.paused = false;
    if (!this.isOver) this.carrier?.resume();
  }

  /** Before anything is sent. What the handler throws is its own end. */
  start(): void {
    try {
      this.handler.onRequestStart?.(this, undefined);
    } catch (error) {
      this.fail(asError(error));
    }
  }

  /** The answer is whole. */
  end(trailers: Parameters<NonNullable<Dispatcher.DispatchHandler['onResponseEnd']>>[1]): void {
    this.isOver = true;
    this.carrier = undefined;
    try {
      this.handler.onResponseEnd?.(this, trailers);
    } catch (error) {
      this.handler.onResponseError?.(this, asError(error));
    }
  }

  /** There is no answer, or no end of it. */
  fail(error: Error): void {
    if (this.isOver) return;
    this.isOver = true;
    this.carrier?.abandon();
    this.handler.onResponseError?.(this, error);
  }
}

export function asError(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error('an answer was not taken');
}
