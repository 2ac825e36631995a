import type { Dispatcher } from 'undici';
import type { UpstreamConfig } from '#lib/contract/config-snapshot';
import type { CircuitBreaker } from './circuit-breaker.js';
import type { ToolGate } from '../policy/tool-gate.js';

/** An upstream with all that can be prepared once per configuration instead of once per call. */
export interface PreparedUpstream {
  readonly config: UpstreamConfig;
  readonly origin: string;
  /** Path of the registered URL, without a final slash. */
  readonly basePath: string;
  readonly dispatcher: Dispatcher;
  /** To be asked before each call, and told how it went. */
  readonly breaker: CircuitBreaker;
  /** Who may use which tool; undefined where there is no policy, and then no tool is looked at. */
  readonly toolGate?: ToolGate | undefined;
}

/** The catalogue received from the vault, kept fresh by events. */
export interface Upstreams {
  find(slug: string): PreparedUpstream | undefined;
  all(): readonly PreparedUpstream[];
  /** False until the first snapshot arrived. */
  readonly ready: boolean;
  /** Calls `listener` after each snapshot. */
  onChange?(listener: () => void): void;
}
