import { z } from 'zod';
import { Secret } from '#lib/secret/secret';
import { explainIssues } from '../registry/domain/explain-issues.js';
import { isUnstorable } from '../registry/domain/json.js';
import { displayName, scopes, slug } from '../registry/domain/names.js';

const name = z.string().min(1).max(500);

/** One grant to take over, as it is sent. */
const importItem = z.strictObject({
  issuer: slug,
  subject: name,
  oauthClient: slug,
  upstream: slug.optional(),
  // RFC 6749 appendix A.17: VSCHAR.
  refreshToken: z
    .string()
    .max(16_384)
    .regex(/^[\x20-\x7E]+$/, 'must be visible ASCII characters')
    .transform((value) => new Secret(value)),
  scopes: scopes.optional(),
  account: z.strictObject({ subject: name, name: displayName.optional() }).optional(),
  consentedApplications: z.array(name).max(50).default([]),
});
export type ImportItem = z.output<typeof importItem>;

/** The item, or in one sentence all that is wrong with it; no value of it is repeated. */
export function readImportItem(value: unknown): ImportItem | string {
  if (isUnstorable(value)) return 'The item holds U+0000 or half a surrogate pair.';
  const parsed = importItem.safeParse(value);
  if (parsed.success) return parsed.data;
  return explainIssues(parsed.error.issues, value)
    .map(({ pointer, detail }) => (pointer === '' ? detail : `${pointer}: ${detail}`))
    .join(' ');
}
