import { z } from 'zod';

/** Conditions on claims by name or RFC 6901 pointer; all must hold. */
export const claimConditions = z
  .record(
    z.string(),
    z.strictObject({ equals: z.unknown().optional(), includes: z.unknown().optional() }),
  )
  .default({});
