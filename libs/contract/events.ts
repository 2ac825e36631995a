import { z } from 'zod';

const person = { issuer: z.string(), subject: z.string() };

/** Events of `GET /gateway/v1/events`, one SSE message each: `event:` is the type, `data:` the JSON. */
export const vaultEvent = z.discriminatedUnion('type', [
  /** Each second; `at` is database time in epoch seconds, sent by the connection that listens. */
  z.object({ type: z.literal('heartbeat'), at: z.number() }),
  z.object({ type: z.literal('config'), version: z.string() }),
  z.object({
    type: z.literal('grant'),
    ...person,
    grantId: z.string(),
    version: z.number(),
    status: z.enum(['active', 'refreshing', 'needs_consent', 'revoked']),
  }),
  z.object({
    type: z.literal('consent'),
    ...person,
    application: z.string(),
    consumer: z.string(),
    upstream: z.string(),
    state: z.enum(['given', 'removed']),
  }),
  z.object({
    type: z.literal('interaction'),
    ...person,
    interactionId: z.string(),
    application: z.string(),
    upstream: z.string(),
    state: z.enum(['completed', 'declined', 'expired']),
  }),
  /** A legacy MCP session that its client ended; `nonce` is the sealed session's. */
  z.object({ type: z.literal('session-ended'), nonce: z.string() }),
]);
export type VaultEvent = z.output<typeof vaultEvent>;
/** What is published through Postgres: everything but the heartbeat. */
export type PublishedEvent = Exclude<VaultEvent, { type: 'heartbeat' }>;

/** `POST /gateway/v1/sessions/ended`: tell all gateway replicas that a legacy session is over. */
export const sessionEnded = z.strictObject({ nonce: z.string().min(16).max(64) });
