import { z } from 'zod';
import { displayName, slug } from './names.js';

/** `applications`: client ids of an issuer that the admin has checked, or blocks. */
export const application = z
  .strictObject({
    slug,
    issuer: slug,
    clientId: z.string().min(1).max(500).optional(),
    pattern: z.string().min(1).max(500).optional(),
    name: displayName,
    trust: z.enum(['known', 'blocked']),
  })
  .refine((value) => (value.clientId === undefined) !== (value.pattern === undefined), {
    path: ['clientId'],
    message: 'give exactly one of clientId and pattern',
  });
export type Application = z.output<typeof application>;
