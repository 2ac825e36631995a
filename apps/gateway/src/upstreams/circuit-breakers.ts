import type { Clock } from '#lib/clock/clock';
import type { UpstreamConfig } from '#lib/contract/config-snapshot';
import { CircuitBreaker, type CircuitState } from './circuit-breaker.js';

/** One breaker per upstream, kept while its address stays the same. */
export class CircuitBreakers {
  readonly #breakers = new Map<
    string,
    { readonly url: string; readonly breaker: CircuitBreaker }
  >();

  constructor(
    private readonly clock: Pick<Clock, 'monotonicMs'>,
    private readonly changed: (upstream: string, state: CircuitState) => void = () => undefined,
  ) {}

  of({ slug, url }: Pick<UpstreamConfig, 'slug' | 'url'>): CircuitBreaker {
    const known = this.#breakers.get(slug);
    if (known?.url === url) return known.breaker;
    if (known !== undefined) this.changed(slug, 'closed');
    const breaker = new CircuitBreaker(this.clock, (state) => this.changed(slug, state));
    this.#breakers.set(slug, { url, breaker });
    return breaker;
  }

  /** Forgets those of upstreams that are no more. */
  keep(slugs: ReadonlySet<string>): void {
    for (const slug of this.#breakers.keys())
      if (!slugs.has(slug)) {
        this.#breakers.delete(slug);
        this.changed(slug, 'closed');
      }
  }
}
