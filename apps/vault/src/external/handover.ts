import { z } from 'zod';
import type { FieldError } from '#lib/problem/problem';
import { isUnstorable } from '../registry/domain/json.js';
import { mostTokenBytes, type TokenFault } from '../user-tokens/read-token.js';

const storable = z
  .string()
  .refine((text) => !isUnstorable(text), 'It holds what cannot be stored.');

/** What the backend of a company's page hands over. */
export const handover = z.strictObject({
  /** Whom the backend authenticated itself: `iss` and the subject claim of their sign-in there. */
  subject: z.strictObject({
    issuer: z.string().min(1).max(2048),
    subject: z.string().min(1).max(2048),
  }),
  token: z.string(),
  /** Epoch seconds. */
  expires_at: z.number().int().positive().optional(),
  /** Whose the token is at the service, for people to see. */
  account: z
    .strictObject({ subject: storable.min(1).max(500), name: storable.max(200).optional() })
    .optional(),
});
export type Handover = z.output<typeof handover>;

const details: Readonly<Record<TokenFault, string>> = {
  missing: 'Give the token.',
  'too-long': `A token has at most ${mostTokenBytes} bytes.`,
  'not-one-line': 'A token consists of visible ASCII characters, without spaces.',
  'not-the-pattern': 'This is not a token of this service.',
  expired: 'The token has expired already.',
};

export function tokenError(fault: TokenFault): FieldError {
  return { pointer: '/token', code: fault, detail: details[fault] };
}
