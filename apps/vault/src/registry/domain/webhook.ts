import { z } from 'zod';
import { slug, webUrl, writeOnlySecret } from './names.js';

/** What an endpoint can ask to be told. */
const webhookEvents = [
  'grant.needs_consent',
  'grant.revoked',
  'grant.recovered',
  'upstream.tools_changed',
] as const;
export type WebhookEvent = (typeof webhookEvents)[number];

/** `webhooks`: an endpoint of ours-to-call that is told what becomes of grants (Standard Webhooks). */
export const webhook = z.strictObject({
  slug,
  url: webUrl,
  events: z
    .array(z.enum(webhookEvents))
    .min(1)
    .transform((list) => [...new Set(list)].sort()),
  /** Signs each message; two live values while it is being rotated. */
  secret: writeOnlySecret.optional(),
  enabled: z.boolean().default(true),
});
export type Webhook = z.output<typeof webhook>;
