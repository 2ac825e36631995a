import type { UpstreamConfig } from '#lib/contract/config-snapshot';
import type { Caller } from '#lib/jwt/caller';
import { ToolRules, type ToolDecision } from '#lib/access/tool-rules';

/** A decision at the gateway: the rules', or that the server changed the tool and nobody has looked at it yet. */
export type GateDecision =
  | ToolDecision
  | { readonly kind: 'refused'; readonly rule: string | undefined; readonly because: 'held' };

/** Undefined: a call without a token. */
export type Who = Pick<Caller, 'claims' | 'scopes'> | undefined;

/** What decides about the tools of one upstream. */
export interface ToolJudge {
  decide(who: Who, tool: string): GateDecision;
}

/** The tool policy of one upstream, prepared once per configuration. */
export class ToolGate implements ToolJudge {
  readonly #rules: ToolRules;
  readonly #held: ReadonlySet<string>;
  /** Whether some tools may be called by anybody, without a token too. */
  readonly somePublic: boolean;

  constructor({ access, tools, heldTools = [] }: GatedConfig) {
    this.#rules = new ToolRules(access, tools);
    this.#held = new Set(heldTools);
    this.somePublic = this.#rules.somePublic;
  }

  decide(who: Who, tool: string): GateDecision {
    const decision = this.#rules.decide(who, tool);
    if (this.#held.size === 0 || !this.#held.has(tool)) return decision;
    // What is hidden stays hidden: that it changed is nobody's business either.
    if (decision.kind === 'refused') return decision;
    return { kind: 'refused', rule: decision.rule, because: 'held' };
  }
}

type GatedConfig = Pick<UpstreamConfig, 'access' | 'tools' | 'heldTools'>;

/** The gate of an upstream; undefined where nobody said anything about its tools: then nothing is looked at. */
export function toolGateOf(config: UpstreamConfig): ToolGate | undefined {
  const held = config.heldTools !== undefined && config.heldTools.length > 0;
  if (config.type !== 'mcp' || (config.tools === undefined && !held)) return undefined;
  return new ToolGate(config);
}
