import type { FaultStack } from '../test/faults/stack/fault-stack.js';

/** Of the grants with tokens of a provider (not the noise), so many at once. */
export async function beginDue(
  stack: FaultStack,
  oauthClient: string,
  count: number,
): Promise<void> {
  await stack.sql(
    `UPDATE user_grant SET refresh_after = now() WHERE id IN (
       SELECT g.id FROM user_grant g, generate_series(0, $2 - 1) n
        WHERE g.subject = $1 || '-' || n AND g.status = 'active')`,
    [oauthClient, count],
  );
}
