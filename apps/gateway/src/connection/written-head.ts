import { STATUS_CODES, type OutgoingHttpHeader, type OutgoingHttpHeaders } from 'node:http';

const name = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
/** RFC 9110 §5.5: no value may begin a line of its own. */
const unlawful = /[^\t\x20-\x7e\x80-\xff]/;

/** Seconds after which a connection without a call is closed. */
export const idleSeconds = 65;

/** The head of an answer as text, and what it says of the body and the connection (RFC 9112 §6 and §9.3). */
export class WrittenHead {
  length: number | undefined;
  closes = false;
  #hasDate = false;
  #text: string;

  constructor(private readonly status: number) {
    this.#text = `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? 'unknown'}\r\n`;
  }

  addAll(headers: OutgoingHttpHeaders | readonly string[]): void {
    if (isList(headers))
      for (let i = 0; i < headers.length; i += 2) this.#add(headers[i] ?? '', headers[i + 1] ?? '');
    else for (const one in headers) this.#addEach(one, headers[one]);
  }

  #addEach(header: string, value: OutgoingHttpHeader | undefined): void {
    if (value === undefined) return;
    if (Array.isArray(value)) for (const one of value) this.#add(header, one);
    else this.#add(header, String(value));
  }

  #add(header: string, value: string): void {
    if (!name.test(header) || unlawful.test(value))
      throw new TypeError(`a header of an answer is not lawful: ${JSON.stringify(header)}`);
    switch (header) {
      case 'connection':
        this.closes ||= value === 'close';
        return;
      // Framing is this answer's own.
      case 'transfer-encoding':
      case 'keep-alive':
        return;
      case 'content-length':
        // RFC 9110 §8.6: not with 204.
        if (this.status === 204) return;
        this.length = Number(value);
        break;
      case 'date':
        this.#hasDate = true;
        break;
      default:
    }
    this.#text += `${header}: ${value}\r\n`;
  }

  end(framing: 'length' | 'chunks' | 'none', keepAlive: boolean): string {
    const date = this.#hasDate ? '' : `date: ${dateNow()}\r\n`;
    const chunked = framing === 'chunks' ? 'transfer-encoding: chunked\r\n' : '';
    return `${this.#text}${date}${chunked}${keepAlive ? kept : 'connection: close\r\n\r\n'}`;
  }
}

const kept = `connection: keep-alive\r\nkeep-alive: timeout=${idleSeconds}\r\n\r\n`;

function isList(headers: OutgoingHttpHeaders | readonly string[]): headers is readonly string[] {
  return Array.isArray(headers);
}

let second = { atMs: -1000, text: '' };

/** IMF-fixdate (RFC 9110 §5.6.7), made once a second. */
function dateNow(): string {
  const ms = Date.now();
  if (ms - second.atMs >= 1000 || ms < second.atMs)
    second = { atMs: ms - (ms % 1000), text: new Date(ms).toUTCString() };
  return second.text;
}
