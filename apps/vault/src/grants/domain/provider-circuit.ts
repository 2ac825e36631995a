/** What is known of a provider that fails. `pausedFor`: seconds for which background work leaves it alone. */
export interface CircuitState {
  /** Failures in a row; of those that come together one counts. */
  readonly failures: number;
  readonly pausedFor: number;
}

/** Failures in a row from which a provider is tried by one request at a time. */
const openFrom = 3;

const longestPause = 300;

export function isOpen({ failures }: CircuitState): boolean {
  return failures >= openFrom;
}

/**
 * After one more failure. `retryAfter` is what the provider asked for, in seconds: it is obeyed at once, and
 * nobody comes before; `chance` is 0 to 1.
 */
export function afterFailure(
  before: CircuitState | undefined,
  retryAfter: number | undefined,
  chance: number,
): CircuitState {
  // What was in flight when the pause began says nothing new.
  const counted = before === undefined ? 1 : before.failures + (before.pausedFor > 0 ? 0 : 1);
  const failures = retryAfter === undefined ? counted : Math.max(counted, openFrom);
  const beyond = Math.min(failures - openFrom, 10);
  const backoff = beyond < 0 ? 0 : Math.min(2 ** beyond, longestPause) * (0.9 + 0.2 * chance);
  const asked = (retryAfter ?? 0) * (1 + 0.1 * chance);
  return { failures, pausedFor: Math.max(before?.pausedFor ?? 0, backoff, asked) };
}
