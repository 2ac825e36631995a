import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import { type Dispatcher, request as undiciRequest } from 'undici';
import type { Tracing } from '#lib/tracing/tracing';
import {
  AddressRules,
  type AddressRulesOptions,
  bareHost,
  type UrlRefusal,
} from './address-rules.js';
import { CheckedAgent, type Resolve } from './checked-agent.js';
import { outboundError, OutboundError, outboundErrorFrom } from './outbound-error.js';
import { readBody } from './read-body.js';

export interface OutboundOptions extends AddressRulesOptions {
  /** All addresses of a host name; the system's resolver unless a test says otherwise. */
  readonly resolve?: Resolve;
  /** A certificate authority (PEM) trusted besides those of Node and NODE_EXTRA_CA_CERTS. */
  readonly ca?: string;
  /** To one origin at once; a call beyond them fails as `busy`. No bound unless said otherwise. */
  readonly connections?: number;
  /** Hears of each `request`; of what is streamed by `dispatcher` others tell. */
  readonly tracing?: Pick<Tracing, 'begin'> | undefined;
}

export interface OutboundRequest {
  readonly method?: Dispatcher.HttpMethod;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array;
  /** From the first packet to the last byte of the answer; 10,000 by default. */
  readonly timeoutMs?: number;
  /** Of the answer's body; 1 MiB by default. */
  readonly maxBytes?: number;
  readonly signal?: AbortSignal;
}

export interface OutboundAnswer {
  readonly status: number;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: Buffer;
}

const defaultTimeoutMs = 10_000;
const defaultMaxBytes = 1024 * 1024;

/** HTTP to addresses that somebody configured: checked against SSRF, bounded in time and size, never redirected. */
export class Outbound {
  /** The checked, pooled agent itself, for streaming; it bounds no size and judges no path. */
  readonly dispatcher: CheckedAgent;
  readonly #rules: AddressRules;
  readonly #resolve: Resolve;
  readonly #tracing: OutboundOptions['tracing'];

  constructor(options: OutboundOptions) {
    this.#tracing = options.tracing;
    this.#rules = new AddressRules(options);
    this.#resolve = options.resolve ?? systemResolve;
    this.dispatcher = new CheckedAgent(this.#rules, this.#resolve, options);
  }

  /** What the URL's text alone gives away; no DNS. */
  checkUrl(url: string): UrlRefusal | undefined {
    return this.#rules.checkText(url);
  }

  /** `checkUrl`, then the addresses the host resolves to now. Each connection checks again. */
  async checkAddress(url: string): Promise<UrlRefusal | undefined> {
    const refusal = this.checkUrl(url);
    if (refusal !== undefined) return refusal;
    const parsed = new URL(url);
    if (isIP(bareHost(parsed)) !== 0) return undefined;
    const addresses = await this.#resolve(parsed.hostname).catch(() => []);
    return this.#rules.checkAddresses(parsed, addresses);
  }

  /** One request, its whole answer. Redirects are answers like any other. Throws OutboundError, or the signal's reason. */
  async request(url: string, options: OutboundRequest = {}): Promise<OutboundAnswer> {
    const refusal = this.checkUrl(url);
    if (refusal !== undefined) throw new OutboundError('refused-address', refusal.detail);
    return this.#tracing === undefined
      ? this.#request(url, options)
      : this.#traced(this.#tracing, url, options);
  }

  async #traced(
    tracing: Pick<Tracing, 'begin'>,
    url: string,
    options: OutboundRequest,
  ): Promise<OutboundAnswer> {
    const { method = 'GET' } = options;
    const { hostname, port, protocol } = new URL(url);
    const span = tracing.begin({
      kind: 'client',
      name: method,
      attributes: {
        'http.request.method': method,
        'server.address': hostname,
        'server.port': Number(port) || (protocol === 'https:' ? 443 : 80),
      },
    });
    try {
      const answer = await this.#request(url, options);
      span.answered(answer.status);
      return answer;
    } catch (error) {
      span.failed(error instanceof OutboundError ? error.code : 'aborted');
      throw error;
    }
  }

  async #request(url: string, options: OutboundRequest): Promise<OutboundAnswer> {
    const { origin } = new URL(url);
    const deadline = AbortSignal.timeout(options.timeoutMs ?? defaultTimeoutMs);
    const signal =
      options.signal === undefined ? deadline : AbortSignal.any([deadline, options.signal]);
    try {
      // undici looks at the signal only once it has a connection; a stuck resolver must not outlive the deadline.
      return await Promise.race([this.#exchange(url, options, signal), aborted(signal)]);
    } catch (error) {
      options.signal?.throwIfAborted();
      throw deadline.aborted ? outboundError('timeout', origin) : outboundErrorFrom(error, origin);
    }
  }

  /** `fetch` with the guarantees of `request`; redirects are never followed, whatever `init.redirect` says. */
  readonly fetch: typeof globalThis.fetch = async (input, init) => {
    const asked = new Request(input, init);
    const body = asked.body === null ? undefined : new Uint8Array(await asked.arrayBuffer());
    const headers = Object.fromEntries(asked.headers);
    const answer = await this.request(asked.url, {
      method: asked.method as Dispatcher.HttpMethod,
      headers,
      body,
      signal: asked.signal,
    });
    return responseOf(answer);
  };

  async close(): Promise<void> {
    await this.dispatcher.end();
  }

  async #exchange(
    url: string,
    options: OutboundRequest,
    signal: AbortSignal,
  ): Promise<OutboundAnswer> {
    const { origin } = new URL(url);
    const answer = await undiciRequest(url, {
      dispatcher: this.dispatcher,
      method: options.method ?? 'GET',
      headers: asIdentity(options.headers),
      body: options.body,
      signal,
    });
    const body = await readBody(answer, { maxBytes: options.maxBytes ?? defaultMaxBytes, origin });
    return { status: answer.statusCode, headers: answer.headers, body };
  }
}

function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_resolve, reject) => {
    const rejectNow = (): void => reject(new Error('aborted'));
    if (signal.aborted) rejectNow();
    else signal.addEventListener('abort', rejectNow, { once: true });
  });
}

function asIdentity(headers: Readonly<Record<string, string>> = {}): Record<string, string> {
  const others = Object.entries(headers).filter(
    ([name]) => name.toLowerCase() !== 'accept-encoding',
  );
  return { ...Object.fromEntries(others), 'accept-encoding': 'identity' };
}

async function systemResolve(host: string): Promise<string[]> {
  const found = await lookup(host, { all: true });
  return found.map(({ address }) => address);
}

const bodiless = new Set([204, 205, 304]);

function responseOf({ status, headers, body }: OutboundAnswer): Response {
  const pairs = Object.entries(headers).flatMap(([name, value]) =>
    [value ?? []].flat().map((one): [string, string] => [name, one]),
  );
  return new Response(bodiless.has(status) ? null : new Uint8Array(body), {
    status,
    headers: pairs,
  });
}
