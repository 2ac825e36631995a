import type { ToolRule } from '#lib/contract/tool-policy';
import type { FieldError } from '#lib/problem/problem';
import type { UpstreamDocument } from './upstream.js';

/** Rules for tools that would be accepted and then do nothing. */
export function policyRules({
  type,
  tools,
  toolChanges,
  credential,
}: UpstreamDocument): FieldError[] {
  if (type !== 'mcp' && toolChanges !== undefined)
    return [conflict('/toolChanges', 'Only MCP servers have tools that could change.')];
  if (tools === undefined) return [];
  if (type !== 'mcp')
    return [conflict('/tools', 'Only MCP servers have tools. Use egress for paths and methods.')];
  return rulesOf(tools).flatMap(([name, rule]) => [
    ...publicFaults(name, rule),
    ...growthFaults(name, rule, credential.type),
  ]);
}

/** What an administrator should know who makes a tool public. */
export function policyWarnings(upstream: UpstreamDocument): string[] {
  const { tools, publicCredential, credential } = upstream;
  const some =
    tools !== undefined && rulesOf(tools).some(([, rule]) => rule.public && !rule.hidden);
  if (!some || publicCredential !== undefined || credential.type === 'none') return [];
  return [
    'tools: a public tool is served to callers without a token only where there is a publicCredential; without one they are asked to sign in.',
  ];
}

/** What the rules for tools ask of a person's grant beside the upstream's own scopes. */
export function toolScopes({ tools }: Pick<UpstreamDocument, 'tools'>): string[] {
  const asked =
    tools === undefined ? [] : rulesOf(tools).flatMap(([, rule]) => rule.upstreamScopes);
  return [...new Set(asked)];
}

type Policy = NonNullable<UpstreamDocument['tools']>;

function rulesOf({ default: _otherwise, ...rules }: Policy): [name: string, rule: ToolRule][] {
  return Object.entries(rules);
}

function publicFaults(name: string, rule: ToolRule): FieldError[] {
  const asks = rule.scopes.length > 0 || Object.keys(rule.claims).length > 0;
  if (!rule.public || !asks) return [];
  const detail =
    'Anybody may call a public tool, so scopes and claims would not be looked at. Leave them out, or public.';
  return [conflict(`/tools/${escaped(name)}/public`, detail)];
}

function growthFaults(name: string, { upstreamScopes }: ToolRule, type: string): FieldError[] {
  if (upstreamScopes.length === 0 || type === 'oauth') return [];
  const detail = `Only what a person consents to can grow, and a credential of the type ${type} cannot.`;
  return [conflict(`/tools/${escaped(name)}/upstreamScopes`, detail)];
}

/** RFC 6901 §3. */
function escaped(name: string): string {
  return name.replaceAll('~', '~0').replaceAll('/', '~1');
}

function conflict(pointer: string, detail: string): FieldError {
  return { pointer, code: 'conflict', detail };
}
