import type { Caller } from '#lib/jwt/caller';
import { loggable } from '#lib/observability/loggable';
import type { HttpCall } from './http-call.js';

/** An admitted call, sent or not. */
type LoggedCall = Pick<HttpCall, 'admitted' | 'upstream' | 'response' | 'requestId'> &
  Partial<Pick<HttpCall, 'grantId'>>;

/**
 * One line per call: who, through what, to where, and how it ended. Never a path, a query or a body. The
 * same line as the logger's, but put together from parts that were made printable once, and written once
 * per turn of the event loop: it is on the path of every call.
 */
export class AccessLog {
  #lines = '';
  readonly #who = new WeakMap<Caller, string>();
  #now = { ms: 0, text: '' };

  constructor(
    private readonly destination: { write(lines: string): unknown },
    private readonly enabled: boolean,
  ) {}

  wrote(call: LoggedCall, ms: number): void {
    if (!this.enabled) return;
    if (this.#lines === '') setImmediate(this.#flush);
    const { response, grantId } = call;
    // nginx's 499: the client left before there was a status.
    const status = response.headersSent ? response.statusCode : 499;
    const grant = grantId === undefined ? '' : `,"grantId":${printable('grantId', grantId)}`;
    this.#lines +=
      `{"level":"info","time":"${this.#time()}","event":"http.call","app":"gateway",` +
      `"requestId":"${call.requestId}",${this.#caller(call.admitted.caller)},` +
      `"upstream":"${call.upstream.config.slug}"${grant},"status":${status},"ms":${Math.round(ms)}}\n`;
  }

  /** Slugs and request ids are ours; everything that somebody else chose is made printable. */
  #caller(caller: Caller): string {
    let who = this.#who.get(caller);
    if (who === undefined) {
      const { issuer, subject, application } = caller;
      who = Object.entries({ issuer, subject, application })
        .map(([name, value]) => `"${name}":${printable(name, value)}`)
        .join(',');
      this.#who.set(caller, who);
    }
    return who;
  }

  #time(): string {
    const ms = Date.now();
    if (ms !== this.#now.ms) this.#now = { ms, text: new Date(ms).toISOString() };
    return this.#now.text;
  }

  readonly #flush = (): void => {
    const lines = this.#lines;
    this.#lines = '';
    this.destination.write(lines);
  };
}

const plain = /^[\w-]{1,36}$/;

function printable(name: string, value: string): string {
  return plain.test(value) ? `"${value}"` : JSON.stringify(loggable(value, name));
}
