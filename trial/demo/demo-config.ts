import { z } from 'zod';

/** What the supervisor tells one demo service; a JSON file (0600). */
export const demoConfig = z.strictObject({
  kind: z.enum(['mcp', 'http']),
  port: z.number().int(),
  /** The audience that a token must carry. */
  resource: z.url(),
  /** The only issuer whose tokens are accepted: the upstream identity provider. */
  issuer: z.url(),
  controlToken: z.string().min(32),
});

export type DemoConfig = z.output<typeof demoConfig>;
