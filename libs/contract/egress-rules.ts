import { z } from 'zod';

/** What `/http/{upstream}` lets through, beside what no caller may ever send. Left out: everything. */
export const egressRules = z.strictObject({
  methods: z.array(z.string()).optional(),
  /** Paths below the upstream's URL; `*` is one segment, `**` any rest. */
  paths: z.array(z.string()).optional(),
  /** Request headers that pass, by lower-case name. Left out: all that are not refused by name. */
  requestHeaders: z.array(z.string()).optional(),
  responseHeaders: z.array(z.string()).optional(),
  webSocket: z.boolean().optional(),
});

/** Kept in one gateway's memory, per process. */
export const upstreamLimits = z.strictObject({
  /** Calls of one person in any minute. */
  personPerMinute: z.number().int().positive().optional(),
  /** Calls of everybody in any minute. */
  perMinute: z.number().int().positive().optional(),
  /** Streams of one person at once. */
  personStreams: z.number().int().positive().optional(),
  streams: z.number().int().positive().optional(),
  bodyBytes: z.number().int().positive().optional(),
  headerBytes: z.number().int().positive().optional(),
});
