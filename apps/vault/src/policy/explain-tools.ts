import { ToolRules } from '#lib/access/tool-rules';
import type { AccessRule } from '#lib/contract/config-snapshot';
import type { ToolPolicy } from '#lib/contract/tool-policy';
import type { Upstream } from '../registry/domain/upstream.js';
import type { ToolPolicyDocument } from '../registry/domain/upstream-tools.js';
import {
  type ExplainedDecision,
  type ExplainedTool,
  explainTool,
  heldTool,
} from './explain-decision.js';
import type { Who } from './who-calls.js';

export interface ToolQuestion {
  readonly upstream: Upstream;
  /** Names that wait for an administrator. */
  readonly held: readonly string[];
  readonly who: Who | undefined;
  /** What was decided for the upstream as a whole. */
  readonly access: ExplainedDecision;
  readonly tool: string | undefined;
}

export interface ExplainedTools {
  readonly tool?: ExplainedTool & { readonly name: string };
  /** A line for each rule, and one for the default. */
  readonly tools?: readonly ExplainedTool[];
}

/** What an upstream's rules for tools say to a caller, as gateways apply them. An API has none. */
export function explainTools(question: ToolQuestion): ExplainedTools {
  const { upstream, held, who, tool } = question;
  if (upstream.type !== 'mcp') return {};
  const { access } = upstream;
  const policy = policyOf(upstream.tools);
  const all = new ToolRules(access, policy);
  const explained = (one: ReturnType<ToolRules['decide']>): ExplainedTool => {
    const found = one.rule === undefined ? undefined : policy.rules[one.rule];
    const judged: AccessRule[] = found === undefined ? [access] : [access, found];
    return asServed(explainTool(one, who, judged), question);
  };
  if (tool === undefined) return { tools: all.decideAll(who).map(explained) };
  const one = all.decide(who, tool);
  const waits = upstream.toolChanges === 'hold' && held.includes(tool) && one.kind !== 'refused';
  return { tool: { name: tool, ...(waits ? heldTool(one.rule) : explained(one)) } };
}

function policyOf(tools: ToolPolicyDocument | undefined): ToolPolicy {
  if (tools === undefined) return { default: 'allow', rules: {} };
  const { default: otherwise, ...rules } = tools;
  return { default: otherwise, rules };
}

/** A public tool takes a credential that is nobody's: without one, only those are served who have access anyhow. */
function asServed(one: ExplainedTool, { access, upstream }: ToolQuestion): ExplainedTool {
  const { credential, publicCredential } = upstream;
  const served = publicCredential !== undefined || credential.type === 'none';
  if (one.public !== true || served || access.decision === 'allowed') return one;
  return {
    ...access,
    ...{ rule: one.rule, public: true },
    why: `The tool is public, but there is no publicCredential to serve others with. ${access.why}`,
    help: 'Give the upstream a publicCredential.',
  };
}
