import { toolRule } from '#lib/contract/tool-policy';
import { z } from 'zod';

/** Tool names are 1 to 128 of `[A-Za-z0-9_./-]`; `*` makes a pattern. */
const nameOrPattern = z.string().regex(/^[A-Za-z0-9_./*-]{1,128}$/, {
  message: 'must be the name of a tool, or a pattern with *',
});

/** Rules by name or pattern, beside `default`: so a merge patch reaches each. */
export const toolPolicy = z
  .object({ default: z.enum(['allow', 'deny']).default('allow') })
  .catchall(toolRule)
  .superRefine((value, context) => {
    for (const name of Object.keys(value))
      if (!nameOrPattern.safeParse(name).success)
        context.addIssue({
          code: 'custom',
          path: [name],
          message: 'must be the name of a tool, or a pattern with *',
        });
  });
export type ToolPolicyDocument = z.output<typeof toolPolicy>;

/** Before names of tools and prompts at `/mcp`; may be empty. */
export const prefix = z.string().regex(/^[A-Za-z0-9_.-]{0,40}$/);
