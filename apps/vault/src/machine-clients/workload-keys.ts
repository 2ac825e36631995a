import type { Clock } from '#lib/clock/clock';
import type { KeyHeader } from '#lib/jwt/issuer-keys';
import type { CachedKeyAnswer, JwksCache } from '#lib/jwt/jwks-cache';
import type { Outbound } from '#lib/outbound/outbound';
import { discover } from '../registry/discover-issuer.js';
import type { Workload } from '../registry/domain/machine-client.js';

const knownForMs = 60 * 60 * 1000;
const coolDownMs = 30 * 1000;

interface Asked {
  readonly address: Promise<string | undefined>;
  untilMs: number;
}

/** The keys of clusters, by the registered address or by the metadata of their issuer (OpenID Connect Discovery). */
export class WorkloadKeys {
  /** By issuer: those of registrations, so there are few. */
  readonly #asked = new Map<string, Asked>();

  constructor(
    private readonly outbound: Pick<Outbound, 'request'>,
    private readonly keys: JwksCache,
    private readonly clock: Clock,
  ) {}

  async keyFor({ issuer, jwksUri }: Workload, header: KeyHeader): Promise<CachedKeyAnswer> {
    const address = jwksUri ?? (await this.#addressOf(issuer));
    return address === undefined
      ? { missing: 'keys-unavailable' }
      : this.keys.keyFor(address, header);
  }

  #addressOf(issuer: string): Promise<string | undefined> {
    const nowMs = this.clock.monotonicMs();
    const known = this.#asked.get(issuer);
    if (known !== undefined && nowMs < known.untilMs) return known.address;
    const asked: Asked = { address: this.#ask(issuer), untilMs: nowMs + coolDownMs };
    this.#asked.set(issuer, asked);
    void asked.address.then((found) => {
      if (found !== undefined) asked.untilMs = nowMs + knownForMs;
    });
    return asked.address;
  }

  async #ask(issuer: string): Promise<string | undefined> {
    const answer = await discover(this.outbound, issuer);
    return answer.ok ? answer.metadata.jwks_uri : undefined;
  }
}
