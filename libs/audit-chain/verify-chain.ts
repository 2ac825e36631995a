import {
  type ChainedEvent,
  type ChainedLine,
  type ExportedLine,
  genesis,
  nextHash,
} from './chain.js';

/** A place in the chain, as the vault logs it and `--head` takes it. */
export interface ChainHead {
  readonly position: number;
  readonly hash: string;
}

/** The first thing that is wrong. */
export interface ChainFault {
  readonly kind:
    | 'missing'
    | 'removed'
    | 'altered'
    | 'reordered'
    | 'cut-off'
    | 'rewritten'
    | 'unchained';
  readonly position: number;
  /** Of the event's row, where the chain still names it. */
  readonly sequence?: string;
  /** When the event happened; where its row is gone, when it was chained; else between which times it was. */
  readonly at?: string;
  readonly detail: string;
}

export interface ChainReading {
  /** The first position that was read; 1 unless the export begins later. */
  readonly from: number;
  /** As far as all is well. */
  readonly head: ChainHead;
  readonly headAt?: string;
  /** Events that were recorded and not chained yet, and since when the oldest waits. */
  readonly waiting: number;
  readonly waitingSince?: string;
  readonly fault?: ChainFault;
}

export interface Expected {
  /** Kept elsewhere: tells whether the end was cut off or the log written anew, which no chain can tell of itself. */
  readonly known?: ChainHead | undefined;
  /** The lines may begin later than at position 1. */
  readonly isPart?: boolean;
}

/** Computes the chain of an export again, from its lines alone, and stops at the first fault. */
export async function verifyChain(
  lines: AsyncIterable<ExportedLine>,
  { known, isPart = false }: Expected = {},
): Promise<ChainReading> {
  let reading: ChainReading = { from: 1, head: { position: 0, hash: genesis }, waiting: 0 };
  let isFirst = true;
  let oldest: ChainedEvent | undefined;
  let newest = '';
  for await (const line of lines) {
    if (line.event !== null && line.event.at > newest) newest = line.event.at;
    if (line.position === null) {
      oldest = oldest === undefined || line.event.at < oldest.at ? line.event : oldest;
      reading = { ...reading, waiting: reading.waiting + 1, waitingSince: oldest.at };
      continue;
    }
    if (isPart && isFirst) reading = beginningLater(reading, line);
    isFirst = false;
    const fault = faultOf(line, reading) ?? rewritten(line, known);
    if (fault?.kind === 'altered')
      return { ...reading, fault: await moved(fault, line, reading, lines) };
    if (fault !== undefined) return { ...reading, fault };
    const headAt = line.event?.at ?? line.chainedAt;
    reading = { ...reading, head: { position: line.position, hash: line.hash }, headAt };
  }
  const fault = cutOff(reading, known) ?? passedOver(reading, oldest, newest);
  return fault === undefined ? reading : { ...reading, fault };
}

/** What is chained within seconds, or at the latest when its transaction ends, does not wait while others are recorded for so long. */
const longestWaitMs = 60 * 60_000;

function passedOver(
  { head }: ChainReading,
  oldest: ChainedEvent | undefined,
  newest: string,
): ChainFault | undefined {
  if (oldest === undefined || Date.parse(newest) - Date.parse(oldest.at) < longestWaitMs)
    return undefined;
  const { sequence, at } = oldest;
  return {
    ...{ kind: 'unchained', position: head.position + 1, sequence, at },
    detail: `The event (${named(oldest)}) was never chained, though others were recorded for an hour after it: nothing proves it.`,
  };
}

/** A part of the log proves itself from its first line on; what stands before it, it takes on trust. */
function beginningLater(reading: ChainReading, first: ChainedLine): ChainReading {
  const head = { position: first.position - 1, hash: first.previous };
  return { ...reading, from: first.position, head };
}

function faultOf(line: ChainedLine, { head, headAt }: ChainReading): ChainFault | undefined {
  const position = head.position + 1;
  const { sequence, event } = line;
  if (line.position !== position)
    return {
      kind: line.position > position ? 'missing' : 'reordered',
      position,
      at: `between ${headAt ?? 'the beginning'} and ${event?.at ?? line.chainedAt}`,
      detail: `The log goes on at position ${line.position}.`,
    };
  if (event === null)
    return {
      ...{ kind: 'removed', position, sequence },
      at: `chained ${line.chainedAt}`,
      detail: 'The event was removed; its place in the chain is left.',
    };
  const found = { position, sequence, at: event.at };
  if (event.sequence !== sequence)
    return {
      ...{ kind: 'reordered', ...found },
      detail: `The event that stands here is that of sequence ${event.sequence}.`,
    };
  if (nextHash(head.hash, event) !== line.hash)
    return {
      ...{ kind: 'altered', ...found },
      detail: `The event (${named(event)}) is not the one that was chained here: it, its place or its hash was changed.`,
    };
  return undefined;
}

/** What somebody changed writes no line of its own into the report. */
function named({ action }: ChainedEvent): string {
  return action.replaceAll(/[^\w.-]/g, '?').slice(0, 80);
}

/** Whether the event that belongs to a position stands at another one. */
async function moved(
  fault: ChainFault,
  { hash }: ChainedLine,
  { head }: ChainReading,
  rest: AsyncIterable<ExportedLine>,
): Promise<ChainFault> {
  for await (const { position, sequence, event } of rest) {
    if (position === null || event === null || nextHash(head.hash, event) !== hash) continue;
    const detail = `The event that belongs here (sequence ${sequence}) stands at position ${position}.`;
    return { ...fault, kind: 'reordered', detail };
  }
  return fault;
}

function rewritten(line: ChainedLine, known: ChainHead | undefined): ChainFault | undefined {
  if (line.position !== known?.position || line.hash === known.hash) return undefined;
  const { position, sequence, event } = line;
  return {
    ...{ kind: 'rewritten', position, sequence },
    at: event?.at ?? line.chainedAt,
    detail: 'The remembered head has another hash: the log was written anew up to here.',
  };
}

function cutOff({ head, headAt }: ChainReading, known?: ChainHead): ChainFault | undefined {
  if (known === undefined || head.position >= known.position) return undefined;
  return {
    kind: 'cut-off',
    position: head.position + 1,
    at: `after ${headAt ?? 'the beginning'}`,
    detail: `The log ends at position ${head.position}; it once reached ${known.position}.`,
  };
}
