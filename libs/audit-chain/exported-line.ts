import { z } from 'zod';
import type { ExportedLine } from './chain.js';

const sequence = z.string().regex(/^\d{1,19}$/);
const time = z.string().regex(/^\d{4,6}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/);
const hash = z.string().regex(/^[0-9a-f]{64}$/);
// Not z.record, which leaves out a member named __proto__: what is verified is all that there is.
const json = z.custom<Record<string, unknown>>(
  (value) => typeof value === 'object' && value !== null && !Array.isArray(value),
);
const event = z.strictObject({
  sequence,
  at: time,
  action: z.string(),
  outcome: z.string(),
  actor: json,
  target: json,
  requestId: z.string().nullable(),
  detail: json,
});

const exportedLine: z.ZodType<ExportedLine> = z.union([
  z.strictObject({ position: z.null(), sequence, event }),
  z.strictObject({
    position: z.number().int().min(1),
    sequence,
    previous: hash,
    hash,
    chainedAt: time,
    event: event.nullable(),
  }),
]);

/** Reads NDJSON that anybody may have written. Throws an Error that names the line. */
export async function* exportedLines(lines: AsyncIterable<string>): AsyncGenerator<ExportedLine> {
  let number = 0;
  for await (const line of lines) {
    number += 1;
    if (line !== '') yield parsed(line, number);
  }
}

function parsed(line: string, number: number): ExportedLine {
  try {
    return exportedLine.parse(JSON.parse(line));
  } catch (cause) {
    throw new Error(`Line ${number} is not one of an audit export.`, { cause });
  }
}
