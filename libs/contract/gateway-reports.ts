import { z } from 'zod';

/** At most so many entries in one report, so that the longest names fit into a body of 1 MiB. */
export const mostReported = 200;

// What Postgres and a log can hold; longer ones are no names.
const text = (most: number) =>
  z
    .string()
    .min(1)
    .max(most)
    .regex(/^[^\p{Cc}\p{Cs}]+$/u);

/** Like refusals of one caller, counted. Who called is on the gateway's word. */
const refusedDecision = z.strictObject({
  issuer: text(63).optional(),
  subject: text(512).optional(),
  application: text(512).optional(),
  upstream: text(63),
  /** The MCP method, or the HTTP one. */
  method: text(64).optional(),
  tool: text(256).optional(),
  /** Name or pattern of the rule that decided. */
  rule: text(128).optional(),
  because: z.enum(['insufficient-scope', 'claims', 'hidden', 'denied', 'held', 'application']),
  count: z.number().int().min(1).max(1_000_000_000),
  /** Of the first of them. */
  requestId: text(128),
});
export type RefusedDecision = z.output<typeof refusedDecision>;

/** `POST /gateway/v1/decisions`: what a gateway refused since its last report. */
export const decisionReport = z.strictObject({
  decisions: z.array(refusedDecision).max(mostReported),
  /** Refusals that were too many kinds to tell apart. */
  lost: z.number().int().min(0).max(1_000_000_000),
});
export type DecisionReport = z.output<typeof decisionReport>;

/** A tool as a server lists it: its name, and SHA-256 (hex) of all that a model reads of it. */
const toolPrint = z.strictObject({
  name: text(256),
  fingerprint: z.string().regex(/^[0-9a-f]{64}$/),
});
export type ToolPrint = z.output<typeof toolPrint>;
export const isReportable = (print: ToolPrint): boolean => toolPrint.safeParse(print).success;

/** `POST /gateway/v1/tools`: tools that this gateway has not reported before. */
export const toolReport = z.strictObject({
  upstream: text(63),
  tools: z.array(toolPrint).min(1).max(mostReported),
});
export type ToolReport = z.output<typeof toolReport>;

/** What the vault makes of a report of tools. */
export const toolReportAnswer = z.object({
  /** Names that wait for an administrator: in the snapshot from `version` on. */
  held: z.array(z.string()),
  /** Names that there was no room to remember: nobody can say that they did not change. */
  overflow: z.array(z.string()),
  version: z.string(),
});
export type ToolReportAnswer = z.output<typeof toolReportAnswer>;
