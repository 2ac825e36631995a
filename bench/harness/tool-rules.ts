import { type ToolPolicy, toolRule } from '#lib/contract/tool-policy';

/** Fifty rules, every second with a pattern, that let nobody pass; and the one that counts. */
export function fiftyOneRules(tool: string): ToolPolicy {
  const others = Array.from(
    { length: 50 },
    (_, i) =>
      [
        i % 2 === 0 ? `main_${i}` : `main_${i}*`,
        toolRule.parse({ claims: { sub: { includes: 'nobody' } } }),
      ] as const,
  );
  return { default: 'deny', rules: Object.fromEntries([...others, [tool, toolRule.parse({})]]) };
}
