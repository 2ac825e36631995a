import type { UpstreamConfig } from '#lib/contract/config-snapshot';
import type { ToolPolicy } from '#lib/contract/tool-policy';
import type { Caller } from '#lib/jwt/caller';
import { ToolRules, type ToolDecision } from '#lib/access/tool-rules';
import type { ToolStanding } from './tool-inventory.js';

/**
 * A decision at the gateway: the rules', or that the server changed the tool and nobody has looked at it yet. A hidden tool
 * comes with what is decided of one that does not exist.
 */
export type GateDecision =
  | (ToolDecision & {
      readonly asUnknown?: ToolDecision;
      /** The rules allow it, and whether the server changed it nobody here knows: its list has to be read first. */
      readonly isUnseen?: true;
    })
  | {
      readonly kind: 'refused';
      readonly rule: string | undefined;
      readonly because: 'held';
      readonly asUnknown?: ToolDecision;
    };

/** Undefined: a call without a token. */
export type Who = Pick<Caller, 'claims' | 'scopes' | 'standing'> | undefined;

type Standing = Pick<Caller, 'claims' | 'scopes'>;

/** What decides about the tools of one upstream. */
export interface ToolJudge {
  decide(who: Who, tool: string): GateDecision;
}

type WatchedConfig = Pick<UpstreamConfig, 'slug' | 'url' | 'toolChanges' | 'toolInventory'>;

/** What this replica knows of tools that changed, beside those that the configuration names. */
export interface HeldTools {
  standing(upstream: WatchedConfig, tool: string): ToolStanding;
}

const mostJudged = 64;
const longestJudged = 128;

type GatedConfig = WatchedConfig &
  Pick<UpstreamConfig, 'access' | 'tools' | 'heldTools' | 'public' | 'open' | 'credential'>;

/** The tool policy of one upstream, prepared once per configuration. */
export class ToolGate implements ToolJudge {
  /** Whether some tools may be called by anybody, without a token too, and there is a credential for that. */
  readonly admitsGuests: boolean;
  readonly #rules: ToolRules;
  readonly #unhidden: ToolRules;
  readonly #judged = new WeakMap<Standing, Map<string, ToolDecision>>();
  readonly #held: ReadonlySet<string>;

  constructor(private readonly config: GatedConfig) {
    const { access, tools, heldTools = [] } = config;
    this.#rules = new ToolRules(access, tools);
    this.#held = new Set(heldTools);
    this.#unhidden = new ToolRules(access, tools && withoutHidden(tools));
    this.admitsGuests = this.#rules.somePublic && servesPublicly(config);
  }

  decide(who: Who, tool: string, isHeld = this.#held.has(tool)): GateDecision {
    const decision = this.#ruled(who, tool);
    if (decision.kind === 'refused' && decision.because === 'hidden')
      return { ...decision, asUnknown: this.#unhidden.decide(who, tool) };
    // What is refused anyway stays so: that it changed is nobody's business then.
    if (!isHeld || decision.kind === 'refused') return decision;
    return { kind: 'refused', rule: decision.rule, because: 'held' };
  }

  /** The same callers call the same few tools: what their tokens say alike is judged once. */
  #ruled(who: Who, tool: string): ToolDecision {
    if (who === undefined) return this.#rules.decide(who, tool);
    const standing = who.standing ?? who;
    const judged = this.#judged.get(standing) ?? new Map<string, ToolDecision>();
    const known = judged.get(tool);
    if (known !== undefined) return known;
    const decision = this.#rules.decide(who, tool);
    if (tool.length > longestJudged) return decision;
    if (judged.size >= mostJudged) judged.clear();
    this.#judged.set(standing, judged.set(tool, decision));
    return decision;
  }

  /** The gate with what this replica has seen change. */
  beside(known: HeldTools | undefined): ToolJudge {
    if (known === undefined || this.config.toolChanges !== 'hold') return this;
    return { decide: (who, tool) => this.#decideBeside(known, who, tool) };
  }

  #decideBeside(known: HeldTools, who: Who, tool: string): GateDecision {
    const standing = this.#held.has(tool) ? 'held' : known.standing(this.config, tool);
    const decision = this.decide(who, tool, standing === 'held');
    return standing === 'unseen' && decision.kind === 'allowed'
      ? { ...decision, isUnseen: true }
      : decision;
  }
}

/** The gate of an upstream; undefined where nobody said anything about its tools: then nothing is looked at. */
export function toolGateOf(config: UpstreamConfig): ToolGate | undefined {
  if (config.type !== 'mcp') return undefined;
  const watched = (config.heldTools ?? []).length > 0 || config.toolChanges === 'hold';
  return config.tools !== undefined || watched ? new ToolGate(config) : undefined;
}

function withoutHidden({ default: otherwise, rules }: ToolPolicy): ToolPolicy {
  const shown = Object.entries(rules).filter(([, rule]) => !rule.hidden);
  return { default: otherwise, rules: Object.fromEntries(shown) };
}

function servesPublicly(config: GatedConfig): boolean {
  return config.credential.type === 'none' || lendsPublicly(config);
}

/** Whether there is a credential, or by an administrator's word none is needed, for calls that are nobody's. */
export function lendsPublicly(config: Pick<UpstreamConfig, 'public' | 'open'>): boolean {
  return config.public === true || config.open?.includes('public') === true;
}

/** What a list that was just read says of a tool: one that is not in it is as one that does not exist. */
export function decidedAfterLook(decision: GateDecision): GateDecision {
  if (decision.kind !== 'allowed' || decision.isUnseen !== true) return decision;
  const { isUnseen, ...asUnknown } = decision;
  return { kind: 'refused', rule: decision.rule, because: 'held', asUnknown };
}
