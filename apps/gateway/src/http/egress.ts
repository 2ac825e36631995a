import type { UpstreamConfig } from '#lib/contract/config-snapshot';
import type { EgressConfig } from '#lib/contract/egress-rules';
import { Problem } from '#lib/problem/problem';
import { type AllowedPath, allowedPath, isAllowedPath } from './allowed-path.js';

/** The rules of one upstream, prepared once per configuration. */
export class Egress {
  readonly requestHeaders: ReadonlySet<string> | undefined;
  readonly responseHeaders: ReadonlySet<string> | undefined;
  readonly #methods: ReadonlySet<string> | undefined;
  readonly #paths: readonly AllowedPath[] | undefined;
  readonly #rules: EgressConfig;

  constructor(private readonly upstream: Pick<UpstreamConfig, 'name' | 'egress'>) {
    const rules = upstream.egress ?? {};
    this.#rules = rules;
    this.#methods = rules.methods && new Set(rules.methods);
    this.#paths = rules.paths?.map(allowedPath);
    this.requestHeaders = rules.requestHeaders && new Set(rules.requestHeaders);
    this.responseHeaders = rules.responseHeaders && new Set(rules.responseHeaders);
  }

  get webSocket(): boolean {
    return this.#rules.webSocket === true;
  }

  /** Why this may not be called; `path` is raw, below the upstream's URL, without a query. */
  refusal(method: string, path: string): Problem | undefined {
    if (this.#methods?.has(method) === false) return this.#notThisMethod();
    if (this.#paths !== undefined && !isAllowedPath(this.#paths, path)) return this.#notThisPath();
    return undefined;
  }

  // RFC 9110 §15.5.6: a 405 names what is allowed.
  #notThisMethod(): Problem {
    const allowed = this.#rules.methods ?? [];
    return new Problem(
      'method-not-allowed',
      `Of ${this.upstream.name} only these methods may be called here: ${allowed.join(', ')}.`,
      { headers: { allow: allowed.join(', ') }, extra: { allowedMethods: allowed } },
    );
  }

  #notThisPath(): Problem {
    const allowed = this.#rules.paths ?? [];
    return new Problem(
      'forbidden',
      `Of ${this.upstream.name} only these paths may be called here: ${allowed.join(', ')}.`,
      { extra: { allowedPaths: allowed } },
    );
  }
}

const prepared = new WeakMap<UpstreamConfig, Egress>();

/** The same object for as long as the configuration is the same; undefined where nothing is ruled. */
export function egressOf(upstream: UpstreamConfig): Egress | undefined {
  if (upstream.egress === undefined) return undefined;
  let egress = prepared.get(upstream);
  if (egress === undefined) {
    egress = new Egress(upstream);
    prepared.set(upstream, egress);
  }
  return egress;
}
