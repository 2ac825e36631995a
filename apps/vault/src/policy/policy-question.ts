import { z } from 'zod';
import { isUnstorable } from '../registry/domain/json.js';

const name = (most: number) =>
  z
    .string()
    .min(1)
    .max(most)
    .refine((text) => !isUnstorable(text), 'holds what cannot be stored');

const caller = z.strictObject({
  /** Slug. */
  issuer: name(63),
  application: name(512),
  /** Without one nothing can be said of grants and consents. */
  subject: name(512).optional(),
  scopes: z.array(name(200)).max(200).default([]),
  claims: z.record(z.string(), z.unknown()).default({}),
});

/** `POST /admin/v1/policy/explain`: who calls what. */
export const policyQuestion = z
  .strictObject({
    token: name(100_000).optional(),
    caller: caller.optional(),
    anonymous: z.literal(true).optional(),
    /** Slug. */
    upstream: name(63),
    /** Without one, the answer is the table of all rules. */
    tool: name(256).optional(),
    method: name(64).optional(),
    /** Of an HTTP API: below its URL, as it is sent, with its query if it has one. */
    path: z
      .string()
      .max(8_000)
      .regex(/^(?:$|[/?])/, { message: 'must begin with /: what follows /http/{upstream}' })
      .refine((text) => !isUnstorable(text), 'holds what cannot be stored')
      .optional(),
    /** Of an HTTP API: whether it is the handshake of a WebSocket. */
    webSocket: z.boolean().optional(),
  })
  .refine(
    ({ token, caller: described, anonymous }) =>
      [token, described, anonymous].filter((one) => one !== undefined).length === 1,
    { message: 'give exactly one of token, caller and anonymous' },
  );
export type PolicyQuestion = z.output<typeof policyQuestion>;
export type DescribedCaller = z.output<typeof caller>;
