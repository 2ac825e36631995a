import { type ExportedLine, genesis, nextHash } from './chain.js';

/** A place in the chain, as the vault logs it and `--head` takes it. */
export interface ChainHead {
  readonly position: number;
  readonly hash: string;
}

export type ChainVerdict =
  | {
      readonly ok: true;
      readonly head: ChainHead;
      /** Events that were recorded but not chained yet. */
      readonly unsealed: number;
    }
  | {
      readonly ok: false;
      readonly position: number;
      /** Sentence that names the first thing that is wrong. */
      readonly detail: string;
    };

/**
 * Walks an export from its first line and stops at the first gap, changed or missing event. A `known` head that
 * is not passed with the same hash means that the end of the log was cut off or written anew.
 */
export async function verifyChain(
  lines: AsyncIterable<ExportedLine>,
  known?: ChainHead,
): Promise<ChainVerdict> {
  let head: ChainHead = { position: 0, hash: genesis };
  let unsealed = 0;
  for await (const line of lines) {
    if (line.position === null || line.hash === null) {
      unsealed += 1;
      continue;
    }
    const fault = faultOf(line, head) ?? strayOf(line, known);
    if (fault !== undefined) return { ok: false, position: head.position + 1, detail: fault };
    head = { position: Number(line.position), hash: line.hash };
  }
  if (known !== undefined && head.position < known.position)
    return {
      ok: false,
      position: head.position + 1,
      detail: `The log ends at position ${head.position}; it once reached ${known.position}. Its end was cut off.`,
    };
  return { ok: true, head, unsealed };
}

function faultOf(line: ExportedLine, head: ChainHead): string | undefined {
  const expected = head.position + 1;
  if (Number(line.position) !== expected)
    return `Position ${expected} is missing: the log goes on at ${line.position}.`;
  const { event } = line;
  if (event === null)
    return `The event of position ${expected} (sequence ${line.sequence}) was removed.`;
  if (nextHash(head.hash, event) !== line.hash)
    return `Position ${expected} (sequence ${line.sequence}, ${event.action}, ${event.at}) does not match its hash: the event, or one before it, was changed.`;
  return undefined;
}

function strayOf(line: ExportedLine, known: ChainHead | undefined): string | undefined {
  if (known === undefined || Number(line.position) !== known.position || line.hash === known.hash)
    return undefined;
  return `Position ${known.position} has another hash than the one remembered: the log was written anew.`;
}
