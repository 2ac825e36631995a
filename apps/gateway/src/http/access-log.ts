import type { Caller } from '#lib/jwt/caller';
import { loggable } from '#lib/observability/loggable';
import type { CallResponse } from '../connection/exchange.js';

/** An admitted call that is over, sent or not. */
export interface AccessLine {
  readonly event: 'http.call' | 'mcp.call';
  readonly requestId: string;
  /** Undefined where somebody used what is public. */
  readonly caller: Caller | undefined;
  /** Undefined where a call is for several, or for none. */
  readonly upstream?: string | undefined;
  /** Of MCP; no part of the line. */
  readonly method?: string | undefined;
  readonly tool?: string | undefined;
  readonly grantId?: string | undefined;
  readonly status: number;
  readonly ms: number;
}

const writeAfterMs = 10;

/** What is logged as the answer's status; nginx's 499 where the client left before there was one. */
export function statusOf(response: CallResponse): number {
  return response.headersSent ? response.statusCode : 499;
}

/**
 * One line per call: who, through what, to where, and how it ended. Never a path, a query or a body. The
 * same line as the logger's, but put together from parts that were made printable once, and written with those
 * of the next hundredth of a second: it is on the path of every call, and writing is what costs.
 */
export class AccessLog {
  #lines = '';
  readonly #who = new WeakMap<Caller, string>();
  #now = { ms: 0, text: '' };

  constructor(
    private readonly destination: { write(lines: string): unknown },
    private readonly enabled: boolean,
    /** Hears of every call, whether its line is written or not. */
    private readonly heard?: (line: AccessLine) => void,
  ) {}

  wrote(line: AccessLine): void {
    this.heard?.(line);
    if (this.enabled) this.#write(line);
  }

  #write({ event, requestId, caller, upstream, tool, grantId, status, ms }: AccessLine): void {
    if (this.#lines === '') setTimeout(this.flush, writeAfterMs);
    this.#lines +=
      `{"level":"info","time":"${this.#time()}","event":"${event}","app":"gateway",` +
      `"requestId":"${requestId}"${caller === undefined ? '' : this.#caller(caller)}` +
      `${member('upstream', upstream)}${member('tool', tool)}${member('grantId', grantId)},` +
      `"status":${status},"ms":${Math.round(ms)}}\n`;
  }

  /** Slugs and request ids are ours; everything that somebody else chose is made printable. */
  #caller(caller: Caller): string {
    let who = this.#who.get(caller);
    if (who === undefined) {
      const { issuer, subject, application } = caller;
      who = Object.entries({ issuer, subject, application })
        .map(([name, value]) => member(name, value))
        .join('');
      this.#who.set(caller, who);
    }
    return who;
  }

  #time(): string {
    const ms = Date.now();
    if (ms !== this.#now.ms) this.#now = { ms, text: new Date(ms).toISOString() };
    return this.#now.text;
  }

  /** What waits is written now. */
  readonly flush = (): void => {
    const lines = this.#lines;
    if (lines === '') return;
    this.#lines = '';
    this.destination.write(lines);
  };
}

function member(name: string, value: string | undefined): string {
  return value === undefined ? '' : `,"${name}":${printable(name, value)}`;
}

const plain = /^[\w-]{1,36}$/;

function printable(name: string, value: string): string {
  return plain.test(value) ? `"${value}"` : JSON.stringify(loggable(value, name));
}
