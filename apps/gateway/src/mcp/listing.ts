import type { ToolJudge } from '../policy/tool-gate.js';
import { isListed } from '../policy/filter-tools.js';
import { isNobody } from './guest.js';
import type { McpCall, McpDeps } from './mcp-call.js';
import { isObject, type JsonObject, type McpMessage } from './message.js';
import { rewriteList } from './rewrite-list.js';
import type { Rewrite } from './rewrite-stream.js';

/** Rewrites the lists of tools that go to this caller; undefined where nobody said anything about this upstream's tools. */
export function listing(
  deps: McpDeps,
  call: McpCall,
  era: 'modern' | 'legacy',
): Rewrite | undefined {
  const { toolGate, config } = call.upstream;
  const judge = toolGate?.beside(deps.inventory);
  const { toolChanges = 'ignore' } = config;
  const inventory = toolChanges === 'ignore' ? undefined : deps.inventory;
  if (judge === undefined && inventory === undefined) return undefined;
  return (json) =>
    rewriteList(json, {
      seen: (tools) => inventory?.seen(config, tools),
      keeps: (tool) => judge === undefined || isListedFor(call, judge, tool),
      isPrivate: era === 'modern' && judge !== undefined,
    });
}

/** As an option of the relay, for the answer to `tools/list` alone. */
export function listingOf(
  deps: McpDeps,
  call: McpCall,
  era: 'modern' | 'legacy',
  message: McpMessage,
): { readonly rewrite?: Rewrite | undefined } {
  if (message.kind !== 'request' || message.method !== 'tools/list') return {};
  return { rewrite: listing(deps, call, era) };
}

/** A remembered list, judged anew: claims and rules may have changed since. */
export function filteredList(deps: McpDeps, call: McpCall, value: JsonObject): JsonObject {
  const judge = call.upstream.toolGate?.beside(deps.inventory);
  const { tools } = value;
  if (judge === undefined || !Array.isArray(tools)) return value;
  const kept = tools.filter(
    (tool) =>
      isObject(tool) && typeof tool['name'] === 'string' && isListedFor(call, judge, tool['name']),
  );
  return { ...value, tools: kept };
}

function isListedFor({ caller }: McpCall, judge: ToolJudge, tool: string): boolean {
  return isListed(judge.decide(isNobody(caller) ? undefined : caller, tool));
}
