import { differences } from './matches.js';

/** What a client was seen to send, and what it has to be answered. `{name}` stands for what was kept. */
export interface Recording {
  readonly client: string;
  /** Where each shape comes from. */
  readonly sources: readonly string[];
  readonly exchanges: readonly Exchange[];
}

interface Exchange {
  readonly does: string;
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: unknown;
  readonly expect?: {
    readonly status?: number;
    readonly headers?: Readonly<Record<string, string>>;
    readonly body?: unknown;
  };
  /** Taken for later: a header, or the first group of a pattern in the body. */
  readonly keep?: Readonly<Record<string, readonly ['header' | 'body', string]>>;
  /** The answer is a stream that stays open, by this name. */
  readonly opens?: string;
  /** A message that has to come on that stream. */
  readonly hears?: string;
  /** A link that the person opens and agrees at. */
  readonly consent?: string;
  /** The same, once the request has been sent and before it is answered. */
  readonly meanwhile?: string;
}

export type Consent = (link: string) => Promise<void>;

/** Plays a recording at an address; answers what went otherwise, by exchange. */
export class Replay {
  readonly #kept = new Map<string, string>();
  readonly #streams = new Map<string, AsyncIterator<string>>();
  readonly #leaving = new AbortController();

  constructor(
    private readonly url: string,
    private readonly consent: Consent,
    kept: Readonly<Record<string, string>>,
  ) {
    for (const [name, value] of Object.entries(kept)) this.#kept.set(name, value);
  }

  async play({ exchanges }: Recording): Promise<readonly string[]> {
    const found: string[] = [];
    for (const exchange of exchanges)
      for (const difference of await this.#play(exchange))
        found.push(`${exchange.does}${difference}`);
    this.#leaving.abort();
    return found;
  }

  async #play(exchange: Exchange): Promise<readonly string[]> {
    const { consent, hears, expect = {} } = exchange;
    if (consent !== undefined) {
      await this.consent(this.#filled(consent));
      return [];
    }
    if (hears !== undefined) return this.#hear(hears, this.#filled(expect.body));
    const answering = this.#send(exchange);
    if (exchange.meanwhile !== undefined) await this.consent(this.#filled(exchange.meanwhile));
    const answer = await answering;
    const headers = Object.fromEntries(answer.headers);
    const head = { status: answer.status, headers };
    const { body, ...expectedHead } = expect;
    const wrong = differences(this.#filled(expectedHead), head);
    if (exchange.opens !== undefined) {
      this.#streams.set(exchange.opens, messagesOf(answer));
      return wrong;
    }
    const text = await answer.text();
    this.#keep(exchange, headers, text);
    return body === undefined
      ? wrong
      : [...wrong, ...differences(this.#filled(body), messageIn(text))];
  }

  #send({ method = 'POST', headers = {}, body }: Exchange): Promise<Response> {
    const sent = body === undefined ? {} : { body: JSON.stringify(this.#filled(body)) };
    const { signal } = this.#leaving;
    return fetch(this.url, { method, headers: this.#filled(headers), signal, ...sent });
  }

  /** What comes before it on the stream is another's matter. */
  async #hear(name: string, expected: unknown): Promise<readonly string[]> {
    const seen: string[] = [];
    for (;;) {
      const next = await this.#streams.get(name)?.next();
      if (next === undefined || next.done === true)
        return [`: it did not come, but ${seen.join()}`];
      if (differences(expected, JSON.parse(next.value)).length === 0) return [];
      seen.push(next.value);
    }
  }

  #keep({ keep = {} }: Exchange, headers: Record<string, string>, text: string): void {
    for (const [name, [where, what]] of Object.entries(keep)) {
      const value =
        where === 'header' ? headers[what] : new RegExp(what).exec(unescaped(text))?.[1];
      this.#kept.set(name, value ?? '');
    }
  }

  #filled<Value>(value: Value): Value {
    const text = (JSON.stringify(value) ?? 'null').replaceAll(
      /\{([a-z]+)\}/g,
      (whole, name: string) => {
        const kept = this.#kept.get(name);
        return kept === undefined ? whole : JSON.stringify(kept).slice(1, -1);
      },
    );
    return JSON.parse(text) as Value;
  }
}

/** In a text that stands in JSON a line break before a link is two characters. */
function unescaped(text: string): string {
  return text.replaceAll('\\n', '\n');
}

/** The answer itself: of a stream, its last message. */
function messageIn(text: string): unknown {
  const last = [...text.matchAll(/^data: ?(.+)$/gm)].at(-1)?.[1];
  try {
    return JSON.parse(last ?? text) as unknown;
  } catch {
    return text;
  }
}

async function* messagesOf(answer: Response): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let rest = '';
  for await (const chunk of answer.body ?? []) {
    const lines = (rest + decoder.decode(chunk as Uint8Array, { stream: true })).split('\n');
    rest = lines.pop() ?? '';
    yield* lines.flatMap((line) => /^data: ?(.+)$/.exec(line)?.[1] ?? []);
  }
}
