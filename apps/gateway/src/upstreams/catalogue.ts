import type { Dispatcher } from 'undici';
import type {
  ApplicationConfig,
  ConfigSnapshot,
  IssuerConfig,
  UpstreamConfig,
} from '#lib/contract/config-snapshot';
import { askedClaims } from '../policy/asked-claims.js';
import { toolGateOf } from '../policy/tool-gate.js';
import type { CircuitBreakers } from './circuit-breakers.js';
import type { PreparedUpstream, Upstreams } from './upstreams.js';

/** The last snapshot, prepared. Without a first one it is empty and not ready. */
export class Catalogue implements Upstreams {
  #upstreams: ReadonlyMap<string, PreparedUpstream> = new Map();
  #snapshot: ConfigSnapshot | undefined;
  #askedClaims: ReadonlySet<string> = new Set();
  readonly #listeners = new Set<() => void>();

  constructor(
    private readonly dispatcher: Dispatcher,
    private readonly breakers: CircuitBreakers,
  ) {}

  get ready(): boolean {
    return this.#snapshot !== undefined;
  }

  /** Of the snapshot; counts upward. */
  get version(): number {
    return Number(this.#snapshot?.version ?? 0);
  }

  get issuers(): readonly IssuerConfig[] {
    return this.#snapshot?.issuers ?? [];
  }

  get applications(): readonly ApplicationConfig[] {
    return this.#snapshot?.applications ?? [];
  }

  /** The vault's own `iss`, where an upstream has people consent as they sign in. */
  get signInIssuer(): string | undefined {
    return this.#snapshot?.signIn?.issuer;
  }

  /** Claims that some rule reads. */
  get askedClaims(): ReadonlySet<string> {
    return this.#askedClaims;
  }

  find(slug: string): PreparedUpstream | undefined {
    return this.#upstreams.get(slug);
  }

  all(): readonly PreparedUpstream[] {
    return [...this.#upstreams.values()];
  }

  adopt(snapshot: ConfigSnapshot): void {
    this.#snapshot = snapshot;
    this.#askedClaims = askedClaims(snapshot.upstreams);
    this.#upstreams = new Map(
      snapshot.upstreams.map((config) => [config.slug, this.#prepared(config)]),
    );
    this.breakers.keep(new Set(this.#upstreams.keys()));
    for (const listener of this.#listeners) listener();
  }

  /** Calls `listener` after each snapshot. */
  onChange(listener: () => void): void {
    this.#listeners.add(listener);
  }

  #prepared(config: UpstreamConfig): PreparedUpstream {
    const { origin, pathname } = new URL(config.url);
    const basePath = pathname.replace(/\/+$/, '');
    const { dispatcher } = this;
    const breaker = this.breakers.of(config);
    return { config, origin, basePath, dispatcher, breaker, toolGate: toolGateOf(config) };
  }
}
