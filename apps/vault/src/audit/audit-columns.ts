/** The columns of `audit_event e` as they are hashed: a change of these breaks every chain there is. */
export const chainedColumns = `e.sequence::text AS sequence,
  to_char(e.at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS at,
  e.action, e.outcome, e.actor, e.target, e.request_id AS "requestId", e.detail`;

/** Events that no round has chained yet, and where to begin to look for them. */
export const isUnchained = `e.sequence > coalesce((SELECT settled FROM audit_seal ORDER BY position DESC LIMIT 1), 0)
  AND NOT EXISTS (SELECT FROM audit_seal s WHERE s.sequence = e.sequence)`;
