import { createHash } from 'node:crypto';
import canonicalizeModule from 'canonicalize';

// Its types describe a default export where the module is the function.
const canonicalize = canonicalizeModule as unknown as (input: unknown) => string | undefined;

/** One audit event as it is hashed and exported. `at` is UTC with microseconds, as the database wrote it. */
export interface ChainedEvent {
  readonly sequence: string;
  readonly at: string;
  readonly action: string;
  readonly outcome: string;
  readonly actor: Readonly<Record<string, unknown>>;
  readonly target: Readonly<Record<string, unknown>>;
  readonly requestId: string | null;
  readonly detail: Readonly<Record<string, unknown>>;
}

/** One line of an export. Not sealed yet: `position` and `hash` are null. `event` is null where its row is gone. */
export interface ExportedLine {
  readonly position: string | null;
  readonly sequence: string;
  /** SHA-256, lower-case hex. */
  readonly hash: string | null;
  readonly event: ChainedEvent | null;
}

/** What stands before position 1. */
export const genesis = '0'.repeat(64);

/** SHA-256 (hex) over the hash before and the event as RFC 8785 canonical JSON. */
export function nextHash(previous: string, event: ChainedEvent): string {
  const text = canonicalize(event);
  if (text === undefined) throw new TypeError('An audit event must be a JSON object.');
  return createHash('sha256').update(Buffer.from(previous, 'hex')).update(text).digest('hex');
}
