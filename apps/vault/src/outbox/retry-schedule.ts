const minute = 60;
const hour = 60 * minute;

/** Standard Webhooks, "Deliverability": at once, then after these; about three days in all. */
const schedule = [
  5,
  5 * minute,
  30 * minute,
  2 * hour,
  5 * hour,
  10 * hour,
  14 * hour,
  20 * hour,
  24 * hour,
];

/** The longest that the schedule can last, in seconds. */
export const retriedForSeconds = 1.1 * schedule.reduce((sum, wait) => sum + wait, 0);

/**
 * Seconds until the next attempt after `attempts` that failed; undefined once the schedule is through. Never before
 * what the other side asked for (`retryAfter`, seconds), and not all together: `chance` is 0 to 1.
 */
export function secondsUntilRetry(
  attempts: number,
  retryAfter: number | undefined,
  chance: number,
): number | undefined {
  const planned = schedule[attempts - 1];
  if (planned === undefined) return undefined;
  return Math.max(planned * (0.9 + 0.2 * chance), (retryAfter ?? 0) * (1 + 0.1 * chance));
}

/** RFC 9110 §10.2.3 in seconds, at most a day; undefined without a usable value. `now` in epoch seconds. */
export function retryAfterSeconds(
  value: string | string[] | undefined,
  now: number,
): number | undefined {
  const text = [value].flat()[0]?.trim() ?? '';
  const seconds = /^\d{1,9}$/.test(text) ? Number(text) : untilDate(text, now);
  return Number.isFinite(seconds)
    ? Math.min(Math.max(Math.ceil(seconds), 0), 24 * hour)
    : undefined;
}

// Date.parse alone would read a year into nearly anything.
function untilDate(text: string, now: number): number {
  return text.endsWith(' GMT') ? Date.parse(text) / 1000 - now : NaN;
}
