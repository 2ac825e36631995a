import type { Clock } from '#lib/clock/clock';
import type { Outbound } from '#lib/outbound/outbound';
import { isUnstorable } from '../registry/domain/json.js';
import { AttemptLimit } from '../web/attempt-limit.js';
import { readClientMetadata } from './domain/client-metadata.js';
import type { SignInClient } from './domain/sign-in-client.js';

const timeoutMs = 5_000;
const maxBytes = 16 * 1024;
const freshMs = 10 * 60_000;
const failedMs = 30_000;
const maxRemembered = 1_000;
// A document is read once in a while; an address that is asked for again and again is somebody else's server.
const readsPerHost = { burst: 20, refillSeconds: 30 };
const readsInAll = { burst: 200, refillSeconds: 1 };

interface Remembered {
  readonly client: Promise<SignInClient | undefined>;
  untilMs: number;
}

/**
 * Clients whose id is the https address of their own metadata (OAuth Client ID Metadata Document). Anybody can make us
 * read one: checked addresses only, no redirects, small, seldom, and each once for everybody.
 */
export class ClientDocuments {
  readonly #remembered = new Map<string, Remembered>();
  readonly #perHost: AttemptLimit;
  readonly #inAll: AttemptLimit;

  constructor(
    private readonly outbound: Pick<Outbound, 'request'>,
    private readonly clock: Clock,
    /** Development: the vault itself is on http. */
    private readonly alsoHttp: boolean,
  ) {
    this.#perHost = new AttemptLimit(readsPerHost, clock);
    this.#inAll = new AttemptLimit(readsInAll, clock);
  }

  /** Whether an id is an address that a document may have. */
  isAddress(clientId: string): boolean {
    if (clientId.length > 500 || !/^[\x21-\x7e]+$/.test(clientId) || !URL.canParse(clientId))
      return false;
    const url = new URL(clientId);
    const isScheme = url.protocol === 'https:' || (this.alsoHttp && url.protocol === 'http:');
    // One spelling only: what a parser would tidy up is not the id that the document has to name.
    return (
      isScheme &&
      url.href === clientId &&
      url.pathname !== '/' &&
      url.hash === '' &&
      url.username === '' &&
      url.password === ''
    );
  }

  /** Undefined where there is no such client. Throws Problem (429) for whoever asks for too many. */
  async find(clientId: string): Promise<SignInClient | undefined> {
    const known = this.#remembered.get(clientId);
    if (known !== undefined && this.clock.monotonicMs() < known.untilMs) return known.client;
    const { host } = new URL(clientId);
    for (const [limit, key] of [
      [this.#perHost, host],
      [this.#inAll, ''],
    ] as const) {
      limit.check(key);
      limit.count(key);
    }
    return this.#read(clientId);
  }

  #read(clientId: string): Promise<SignInClient | undefined> {
    const entry: Remembered = {
      client: this.#fetch(clientId),
      untilMs: this.clock.monotonicMs() + freshMs,
    };
    this.#remembered.delete(clientId);
    this.#remembered.set(clientId, entry);
    if (this.#remembered.size > maxRemembered) {
      const [oldest] = this.#remembered.keys();
      if (oldest !== undefined) this.#remembered.delete(oldest);
    }
    return entry.client.then((client) => {
      if (client === undefined) entry.untilMs = this.clock.monotonicMs() + failedMs;
      return client;
    });
  }

  async #fetch(clientId: string): Promise<SignInClient | undefined> {
    try {
      const headers = { accept: 'application/json' };
      const answer = await this.outbound.request(clientId, { headers, timeoutMs, maxBytes });
      const type = String(answer.headers['content-type'] ?? '').split(';', 1)[0] ?? '';
      if (answer.status !== 200 || !/^application\/(?:[a-z0-9.+-]+\+)?json$/i.test(type.trim()))
        return undefined;
      return clientOf(clientId, JSON.parse(answer.body.toString('utf8')));
    } catch {
      return undefined;
    }
  }
}

/** The document has to name itself, and a client with a secret or a key would have to use it: these are public. */
function clientOf(clientId: string, document: unknown): SignInClient | undefined {
  if (typeof document !== 'object' || document === null) return undefined;
  if (!('client_id' in document) || document.client_id !== clientId) return undefined;
  const method =
    'token_endpoint_auth_method' in document ? document.token_endpoint_auth_method : 'none';
  if (method !== 'none') return undefined;
  const metadata = readClientMetadata(document);
  return 'error' in metadata || isUnstorable(metadata.name) ? undefined : { clientId, ...metadata };
}
