import { z } from 'zod';
import { claimConditions } from './claim-conditions.js';

/** What a caller needs for the tools that one name or pattern stands for. */
export const toolRule = z.strictObject({
  /** Anybody may call it, without a token too; the upstream then sees the public credential. */
  public: z.boolean().default(false),
  scopes: z.array(z.string()).default([]),
  claims: claimConditions,
  /** What the person's upstream grant must hold, beside the upstream's own scopes, before it is called. */
  upstreamScopes: z.array(z.string()).default([]),
  /** Neither listed nor callable. */
  hidden: z.boolean().default(false),
});

export type ToolRule = z.output<typeof toolRule>;

/** The rules of one upstream's tools, by name or by pattern, in which `*` stands for any run of characters. */
export const toolPolicy = z.object({
  /** What holds for a tool that no rule names. */
  default: z.enum(['allow', 'deny']),
  rules: z.record(z.string(), toolRule),
});
export type ToolPolicy = z.output<typeof toolPolicy>;

/** What happens when a server changes a tool that people have used: nothing, a notice, or the tool waits for an administrator. */
export const toolChanges = z.enum(['ignore', 'alert', 'hold']);
