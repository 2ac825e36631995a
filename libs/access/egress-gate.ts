import type { EgressConfig } from '#lib/contract/egress-rules';
import { type AllowedPath, allowedPath, findAllowedPath } from './allowed-path.js';

/** Whether an HTTP call may go to its upstream by the upstream's `egress`, or which member of it says no. */
export type EgressDecision =
  | {
      readonly kind: 'allowed';
      /** The one of the listed paths that allows it; undefined where none are listed. */
      readonly path: string | undefined;
    }
  /** `never`: of no upstream, whatever is listed. */
  | { readonly kind: 'refused'; readonly because: 'never' | 'methods' | 'paths' | 'webSocket' };

const everywhere: EgressDecision = { kind: 'allowed', path: undefined };
const never: EgressDecision = { kind: 'refused', because: 'never' };
const notThisMethod: EgressDecision = { kind: 'refused', because: 'methods' };
const notThisPath: EgressDecision = { kind: 'refused', because: 'paths' };
const noWebSocket: EgressDecision = { kind: 'refused', because: 'webSocket' };

/** The `egress` rules of one upstream, prepared once per configuration. */
export class EgressGate {
  readonly #methods: ReadonlySet<string> | undefined;
  readonly #paths: readonly AllowedPath[] | undefined;
  readonly #webSocket: boolean;

  constructor(rules: EgressConfig = {}) {
    this.#methods = rules.methods && new Set(rules.methods);
    this.#paths = rules.paths?.map(allowedPath);
    this.#webSocket = rules.webSocket === true;
  }

  /** `path` is raw, below the upstream's URL, without a query; `webSocket`: it is the handshake of one. */
  decide(method: string, path: string, webSocket: boolean): EgressDecision {
    // RFC 9110 §9.3.8: the answer would repeat the request, and with it the borrowed token. §9.3.6: a tunnel.
    if (method === 'TRACE' || method === 'CONNECT') return never;
    if (this.#methods?.has(method) === false) return notThisMethod;
    const listed = this.#paths && findAllowedPath(this.#paths, path);
    if (this.#paths !== undefined && listed === undefined) return notThisPath;
    if (webSocket && !this.#webSocket) return noWebSocket;
    return listed === undefined ? everywhere : { kind: 'allowed', path: listed.path };
  }
}
