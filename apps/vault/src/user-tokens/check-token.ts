import type { Outbound } from '#lib/outbound/outbound';
import { OutboundError } from '#lib/outbound/outbound-error';
import type { Secret } from '#lib/secret/secret';
import type { VaultLogger } from '../log-events.js';
import type { Upstream } from '../registry/domain/upstream.js';

/** `unknown`: the service said neither yes nor no. */
export type TokenVerdict = 'accepted' | 'refused' | 'unknown';

// A person waits.
const patienceMs = 8_000;

/** Tries a pasted token where its upstream says that it can be tried: a GET that carries it as every call will. */
export class CheckToken {
  constructor(
    private readonly outbound: Pick<Outbound, 'request'>,
    private readonly logger: VaultLogger,
  ) {}

  /** `accepted` also where there is nowhere to try it. */
  async check(upstream: Upstream, token: Secret, requestId: string): Promise<TokenVerdict> {
    const { credential, slug } = upstream;
    if (credential.type !== 'user-token' || credential.check === undefined) return 'accepted';
    const status = await this.#ask(credential.check.url, upstream, token);
    const verdict = verdictOf(status);
    this.logger.info({ event: 'token.checked', requestId, upstream: slug, verdict, status });
    return verdict;
  }

  async #ask(checkUrl: string, { inject }: Upstream, token: Secret): Promise<number | undefined> {
    const url = new URL(checkUrl);
    if (inject.query !== undefined) url.searchParams.set(inject.query, token.reveal());
    const value = inject.scheme === '' ? token.reveal() : `${inject.scheme} ${token.reveal()}`;
    const headers = {
      accept: '*/*',
      ...fixedHeaders(inject.extra),
      ...(inject.query === undefined ? { [inject.header]: value } : {}),
    };
    try {
      return (await this.outbound.request(url.href, { headers, timeoutMs: patienceMs })).status;
    } catch (error) {
      if (error instanceof OutboundError) return undefined;
      throw error;
    }
  }
}

/** What the API wants of every call; what a provider would have told of a connection, nobody has. */
function fixedHeaders(extra: Readonly<Record<string, string>> = {}): Record<string, string> {
  return Object.fromEntries(Object.entries(extra).filter(([, value]) => !value.includes('{')));
}

function verdictOf(status: number | undefined): TokenVerdict {
  if (status === 401 || status === 403) return 'refused';
  return status !== undefined && status >= 200 && status < 300 ? 'accepted' : 'unknown';
}
