import { createHash } from 'node:crypto';
import canonicalizeModule from 'canonicalize';

// Its types describe a default export where the module is the function.
const canonicalize = canonicalizeModule as unknown as (input: unknown) => string | undefined;

/** One audit event as it is hashed and exported. `at` is UTC with microseconds, as the database wrote it. */
export interface ChainedEvent {
  /** Of the table: grows, with gaps. */
  readonly sequence: string;
  readonly at: string;
  readonly action: string;
  readonly outcome: string;
  readonly actor: Readonly<Record<string, unknown>>;
  readonly target: Readonly<Record<string, unknown>>;
  readonly requestId: string | null;
  readonly detail: Readonly<Record<string, unknown>>;
}

/** One line of an export: an event at its place in the chain. */
export interface ChainedLine {
  /** 1, 2, 3 … without gaps. */
  readonly position: number;
  readonly sequence: string;
  /** SHA-256 of the position before, lower-case hex. */
  readonly previous: string;
  readonly hash: string;
  readonly chainedAt: string;
  /** Null where the row is gone. */
  readonly event: ChainedEvent | null;
}

/** One line of an export: an event that was recorded and not chained yet. */
export interface WaitingLine {
  readonly position: null;
  readonly sequence: string;
  readonly event: ChainedEvent;
}

export type ExportedLine = ChainedLine | WaitingLine;

/** What stands before position 1. */
export const genesis = '0'.repeat(64);

/** SHA-256 (hex) over the 32 bytes of the hash before and the event as RFC 8785 canonical JSON. */
export function nextHash(previous: string, event: ChainedEvent): string {
  const text = canonicalize(event);
  if (text === undefined) throw new TypeError('An audit event must be a JSON object.');
  return createHash('sha256').update(Buffer.from(previous, 'hex')).update(text).digest('hex');
}
