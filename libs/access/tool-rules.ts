import type { AccessRule } from '#lib/contract/config-snapshot';
import type { ToolPolicy, ToolRule } from '#lib/contract/tool-policy';
import type { Caller } from '#lib/jwt/caller';
import { decideAccess } from './access-rule.js';
import { matchesPattern } from './name-pattern.js';

/** Whether a caller may use a tool, by which rule, and if not what would help. */
export type ToolDecision =
  | {
      readonly kind: 'allowed';
      readonly rule: string | undefined;
      /** Anybody may: the caller's own access to the upstream does not matter. */
      readonly isPublic: boolean;
      /** What the upstream grant must hold beside the upstream's own scopes. */
      readonly upstreamScopes: readonly string[];
    }
  /** There is no token; with one that has `scopes` it may be allowed. */
  | {
      readonly kind: 'sign-in';
      readonly rule: string | undefined;
      readonly scopes: readonly string[];
    }
  /** `scopes` is everything that the call needs of the token, the upstream's access included. */
  | {
      readonly kind: 'insufficient-scope';
      readonly rule: string | undefined;
      readonly scopes: readonly string[];
    }
  /** No further scope would help: a claim, a hidden tool, or one that no rule allows. */
  | {
      readonly kind: 'refused';
      readonly rule: string | undefined;
      readonly because: 'claims' | 'hidden' | 'denied';
    };

type Who = Pick<Caller, 'claims' | 'scopes'> | undefined;

interface FoundRule {
  readonly name: string;
  readonly rule: ToolRule;
}

/** What the rules say of one name. */
interface Found {
  readonly found: FoundRule | undefined;
  /** Rules for the same name in other letters: whoever does not tell the two apart must not be talked round. */
  readonly alike: readonly FoundRule[];
}

const mostRemembered = 10_000;
const longestRemembered = 256;
const openTools: ToolPolicy = { default: 'allow', rules: {} };

/** The rules of one upstream, prepared once per configuration. */
export class ToolRules {
  readonly #exact: ReadonlyMap<string, FoundRule>;
  readonly #patterns: readonly FoundRule[];
  readonly #alike: readonly { readonly folded: string; readonly one: FoundRule }[];
  readonly #found = new Map<string, Found>();

  constructor(
    private readonly access: AccessRule,
    private readonly policy: ToolPolicy = openTools,
  ) {
    const all = Object.entries(policy.rules).map(([name, rule]) => ({ name, rule }));
    this.#exact = new Map(
      all.filter(({ name }) => !name.includes('*')).map((one) => [one.name, one]),
    );
    this.#patterns = all.filter(({ name }) => name.includes('*')).sort(bySpecificity);
    this.#alike = [...this.#exact.values(), ...this.#patterns].map((one) => {
      return { folded: folded(one.name), one };
    });
  }

  /** Whether any tool may be used without a token. */
  get somePublic(): boolean {
    return Object.values(this.policy.rules).some((rule) => rule.public && !rule.hidden);
  }

  /** Undefined caller: a call without a token. */
  decide(who: Who, tool: string): ToolDecision {
    const { found, alike } = this.#rulesFor(tool);
    const decision = this.#decideBy(who, found);
    if (alike.length === 0 || decision.kind === 'refused') return decision;
    const others = alike.map((one) => this.#decideBy(who, one));
    const strictest =
      others.find(({ kind }) => kind === 'refused') ??
      others.find(({ kind }) => kind !== 'allowed');
    return strictest ?? decision;
  }

  /** The decision of each rule, in the order in which they are looked for, and of the default. */
  decideAll(who: Who): readonly ToolDecision[] {
    const exact = [...this.#exact.values()].sort((one, other) => (one.name < other.name ? -1 : 1));
    return [...exact, ...this.#patterns, undefined].map((found) => this.#decideBy(who, found));
  }

  #decideBy(who: Who, found: FoundRule | undefined): ToolDecision {
    const rule = found?.name;
    if (found?.rule.hidden === true) return { kind: 'refused', rule, because: 'hidden' };
    if (found === undefined && this.policy.default === 'deny')
      return { kind: 'refused', rule, because: 'denied' };
    const upstreamScopes = found?.rule.upstreamScopes ?? [];
    if (found?.rule.public === true)
      return { kind: 'allowed', rule, isPublic: true, upstreamScopes };
    if (who === undefined) return { kind: 'sign-in', rule, scopes: this.#scopesOf(found) };
    return this.#judge(who, found, { kind: 'allowed', rule, isPublic: false, upstreamScopes });
  }

  #judge(
    who: NonNullable<Who>,
    found: FoundRule | undefined,
    allowed: Extract<ToolDecision, { kind: 'allowed' }>,
  ): ToolDecision {
    const { rule } = allowed;
    const access = decideAccess(who, this.access).kind;
    const own = found === undefined ? 'allowed' : decideAccess(who, found.rule).kind;
    if (access === 'claims' || own === 'claims')
      return { kind: 'refused', rule, because: 'claims' };
    if (access === 'allowed' && own === 'allowed') return allowed;
    return { kind: 'insufficient-scope', rule, scopes: this.#scopesOf(found) };
  }

  #scopesOf(found: FoundRule | undefined): readonly string[] {
    return [...new Set([...this.access.scopes, ...(found?.rule.scopes ?? [])])];
  }

  /** The exact name goes before patterns, the pattern with more of the name in it before one with less. */
  #rulesFor(tool: string): Found {
    const known = this.#found.get(tool);
    if (known !== undefined) return known;
    const rules = this.#look(tool);
    if (tool.length > longestRemembered) return rules;
    if (this.#found.size >= mostRemembered) this.#found.clear();
    this.#found.set(tool, rules);
    return rules;
  }

  #look(tool: string): Found {
    const exact = this.#exact.get(tool);
    // Whoever wrote this very name means it.
    if (exact !== undefined) return { found: exact, alike: [] };
    const found = this.#patterns.find(({ name }) => matchesPattern(name, tool));
    const name = folded(tool);
    const alike = this.#alike.filter((other) => matchesPattern(other.folded, name));
    const named = alike.filter(({ one }) => !one.name.includes('*'));
    const counting = named.length > 0 ? named : alike.slice(0, 1);
    return { found, alike: counting.map(({ one }) => one).filter((one) => one !== found) };
  }
}

/** What is left of a name for whoever cares for neither case, accents, width nor what cannot be seen. */
function folded(name: string): string {
  return name
    .normalize('NFKD')
    .toLowerCase()
    .replaceAll(/[\s\p{M}\p{Cc}\p{Cf}\p{Cs}\p{DI}]/gu, '');
}

function bySpecificity(one: FoundRule, other: FoundRule): number {
  const literal = ({ name }: FoundRule) => name.replaceAll('*', '').length;
  return literal(other) - literal(one) || (one.name < other.name ? -1 : 1);
}
