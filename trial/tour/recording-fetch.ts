import { fingerprint } from './fingerprint.js';

/** One `tools/call` as it went over the wire; the caller's token is replaced by its fingerprint. */
export interface Exchange {
  readonly request: { readonly headers: Readonly<Record<string, string>>; readonly body: unknown };
  readonly status: number;
  readonly answer: unknown;
  /** From the request to the last byte of the answer. */
  readonly ms: number;
}

const shownHeaders = ['authorization', 'mcp-protocol-version', 'mcp-method', 'mcp-name'];

/** A `fetch` for an SDK client that keeps every `tools/call` and its answer in `exchanges`. */
export function recordingFetch(exchanges: Exchange[]): typeof fetch {
  return async (input, init) => {
    const body: unknown = typeof init?.body === 'string' ? JSON.parse(init.body) : undefined;
    const isCall = (body as { method?: string } | undefined)?.method === 'tools/call';
    if (!isCall) return fetch(input, init);
    const startedAt = performance.now();
    const response = await fetch(input, init);
    const text = await response.text();
    exchanges.push({
      request: { headers: shown(new Headers(init?.headers)), body },
      status: response.status,
      answer: parsed(text),
      ms: performance.now() - startedAt,
    });
    // The SDK gets the same answer again, as it came.
    return new Response(text, { status: response.status, headers: plain(response.headers) });
  };
}

function shown(headers: Headers): Record<string, string> {
  return Object.fromEntries(
    shownHeaders.flatMap((name) => {
      const value = headers.get(name);
      if (value === null) return [];
      return [[name, name === 'authorization' ? redacted(value) : value]];
    }),
  );
}

function redacted(authorization: string): string {
  const token = authorization.replace(/^Bearer /, '');
  return `Bearer [token with fingerprint ${fingerprint(token)}]`;
}

/** The one JSON-RPC message of an answer, whether it came as JSON or as an event stream. */
function parsed(text: string): unknown {
  const data = text
    .split('\n')
    .filter((line) => line.startsWith('data:') && line.length > 6)
    .map((line) => line.slice(5))
    .at(-1);
  try {
    return JSON.parse(data ?? text) as unknown;
  } catch {
    return text;
  }
}

/** `fetch` has already undone the encoding that these would announce. */
function plain(headers: Headers): Headers {
  const copy = new Headers(headers);
  copy.delete('content-encoding');
  copy.delete('content-length');
  return copy;
}
