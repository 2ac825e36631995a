import type { GateDecision, ToolJudge, Who } from './tool-gate.js';

/** Lists show what may be used now, or after signing in or asking for more scopes; the rest is left out. */
export function isListed(decision: GateDecision): boolean {
  return decision.kind !== 'refused';
}

/** The tools of a list that this caller may see, in their order; all of them where there is no policy. */
export function filterTools<Tool extends { readonly name: string }>(
  rules: ToolJudge | undefined,
  who: Who,
  tools: readonly Tool[],
): readonly Tool[] {
  if (rules === undefined) return tools;
  return tools.filter(({ name }) => isListed(rules.decide(who, name)));
}
