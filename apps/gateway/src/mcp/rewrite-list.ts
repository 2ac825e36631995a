import type { Span } from './json-scan.js';
import { elementsOf, membersOf, startOfValue, type MemberSpan } from './json-spans.js';
import { isObject, type JsonObject } from './message.js';

export interface ListChange {
  /** The tools of one page as the upstream gave them. */
  readonly seen: (tools: readonly ListedTool[]) => Promise<void> | undefined;
  /** Asked once `seen` is done. */
  readonly keeps: (tool: string) => boolean;
  /** Revision 2026-07-28: a list that depends on who asks says so. */
  readonly isPrivate: boolean;
}

export type ListedTool = JsonObject & { readonly name: string };

interface Edit extends Span {
  readonly text: string;
}

/**
 * A JSON-RPC message (or an old batch of them) with the tools of a `tools/list` result thinned out. Everything else stays
 * byte for byte: printing it again would round a number in somebody's schema.
 */
export function rewriteList(text: string, change: ListChange): string | Promise<string> {
  const value: unknown = JSON.parse(text);
  const told = [value].flat().map((message) => change.seen(toolsOf(message).filter(isListedTool)));
  const waits = told.filter((one) => one !== undefined);
  if (waits.length === 0) return rewritten(text, value, change);
  return Promise.all(waits).then(() => rewritten(text, value, change));
}

function rewritten(text: string, value: unknown, change: ListChange): string {
  const at = startOfValue(text);
  const edits = Array.isArray(value)
    ? [...elementsOf(text, at)].flatMap(({ start }, i) => editsOf(text, start, value[i], change))
    : editsOf(text, at, value, change);
  return edits.reduceRight((done, { start, end, text: put }) => {
    return done.slice(0, start) + put + done.slice(end);
  }, text);
}

function editsOf(text: string, at: number, message: unknown, change: ListChange): Edit[] {
  if (!isObject(message) || !isObject(message['result'])) return [];
  const { tools } = message['result'];
  if (!Array.isArray(tools)) return [];
  const result = last(membersOf(text, at), 'result');
  const members = [...membersOf(text, result.value)];
  const thinned = thin(text, last(members, 'tools'), tools, change);
  const scoped = change.isPrivate ? madePrivate(message['result'], members) : [];
  return [...thinned, ...scoped].sort((one, other) => one.start - other.start);
}

function toolsOf(message: unknown): readonly unknown[] {
  const result = isObject(message) ? message['result'] : undefined;
  const tools = isObject(result) ? result['tools'] : undefined;
  return Array.isArray(tools) ? tools : [];
}

function isListedTool(tool: unknown): tool is ListedTool {
  return isObject(tool) && typeof tool['name'] === 'string';
}

function thin(
  text: string,
  list: MemberSpan,
  tools: readonly unknown[],
  { keeps }: ListChange,
): Edit[] {
  const isKept = (tool: unknown) => isListedTool(tool) && keeps(tool.name);
  if (tools.every(isKept)) return [];
  const kept = [...elementsOf(text, list.value)].filter((_span, i) => isKept(tools[i]));
  const inner = kept.map(({ start, end }) => text.slice(start, end)).join(',');
  return [{ start: list.value, end: list.end, text: `[${inner}]` }];
}

function madePrivate(result: JsonObject, members: readonly MemberSpan[]): Edit[] {
  if (result['cacheScope'] === 'private') return [];
  const scope = members.findLast(({ name }) => name === 'cacheScope');
  if (scope !== undefined) return [{ start: scope.value, end: scope.end, text: '"private"' }];
  const { end } = last(members, 'tools');
  return [{ start: end, end, text: ',"cacheScope":"private"' }];
}

/** As JSON.parse: of two members with one name the last one counts. */
function last(members: Iterable<MemberSpan>, name: string): MemberSpan {
  const found = [...members].findLast((member) => member.name === name);
  if (found === undefined) throw new SyntaxError('this is not JSON');
  return found;
}
