/** The columns of `audit_event e` as they are hashed: a change of these breaks every chain there is. */
export const chainedColumns = `e.sequence::text AS sequence,
  to_char(e.at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS at,
  e.action, e.outcome, e.actor, e.target, e.request_id AS "requestId", e.detail`;

const settled = `coalesce((SELECT settled FROM audit_seal ORDER BY position DESC LIMIT 1), 0)`;

/**
 * Events that no round has chained yet. Both indexes are entered where everything before is settled: without the
 * second bound a join would read the whole chain for each look.
 */
export const isUnchained = `e.sequence > ${settled}
  AND NOT EXISTS (SELECT FROM audit_seal s WHERE s.sequence = e.sequence AND s.sequence > ${settled})`;
