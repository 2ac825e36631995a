// The request that is cut off after ten seconds, and what it takes to notice.
const requestSeconds = 10.5;
// Well inside a grace of two seconds, with what a busy machine adds: whoever follows a crash has the rest of it.
const briefSeconds = 0.75;
// A process that died is followed within a scan and a half of the other replicas.
const headStartSeconds = 0.6;

/**
 * For so long after an attempt has begun, nobody else begins one, whatever became of its lock. Where a used refresh
 * token is taken again for a while, or nothing is known of that, it must be short; where it never is, nothing is
 * gained by being early, and a holder who was only cut off from the database may yet bring the answer.
 */
export function leaseSeconds(graceSeconds: number | undefined): number {
  if (graceSeconds === undefined) return briefSeconds;
  return graceSeconds === 0 ? requestSeconds : Math.min(briefSeconds, graceSeconds / 2);
}

/** When an attempt that is not finished falls due again: whoever takes it on waits for the rest of the lease. */
export function takeoverSeconds(graceSeconds: number | undefined): number {
  const lease = leaseSeconds(graceSeconds);
  return Math.max(lease * 0.3, lease - headStartSeconds);
}
