import { recordColumns, recordTypes } from '../audit/postgres-audit-log.js';

/** `mark` names the versions of the rows that were read: it is another one once any of them was written. */
export const holding = `
  SELECT w.nth::int AS nth, c.scopes AS consented,
         c.xmin::text || '/' || g.xmin::text || '/' || a.xmin::text AS mark,
         g.id, g.issuer_id AS "issuerId", g.subject, g.oauth_client_id AS "oauthClientId", g.partition, g.status,
         g.version::float8 AS version, g.token_version::float8 AS "tokenVersion", g.metadata,
         g.requested_scopes AS "requestedScopes", g.granted_scopes AS "grantedScopes",
         g.refresh_token IS NOT NULL AS "hasRefreshToken",
         extract(epoch FROM g.refresh_paused_until)::float8 AS "refreshPausedUntil",
         a.sealed, a.sha256, a.token_type AS "tokenType", g.dpop_key AS "dpopKey", a.scopes,
         a.granted_scopes AS "tokenGrantedScopes",
         extract(epoch FROM a.issued_at)::float8 AS "issuedAt",
         extract(epoch FROM a.expires_at)::float8 AS "expiresAt"
    FROM unnest($1::uuid[], $2::text[], $3::uuid[], $4::text[], $5::text[], $6::text[], $7::text[], $8::uuid[])
         WITH ORDINALITY AS w (issuer_id, subject, oauth_client_id, partition, resource, application, consumer,
                               upstream_id, nth)
    LEFT JOIN client_consent c ON c.issuer_id = w.issuer_id AND c.subject = w.subject
         AND c.application = w.application AND c.consumer = w.consumer AND c.upstream_id = w.upstream_id
         AND c.expires_at > now()
    LEFT JOIN user_grant g ON g.issuer_id = w.issuer_id AND g.subject = w.subject
         AND g.oauth_client_id = w.oauth_client_id AND g.partition = w.partition
    LEFT JOIN access_token a ON a.grant_id = g.id AND a.resource = w.resource`;

/**
 * The same, which also records what of $9 was foreseen of exactly these rows. One statement: what is recorded was
 * so at the moment at which it was read, and is durable when the rows arrive.
 */
export const holdingAndRecording = `
  WITH held AS (${holding}),
       recorded AS (
         INSERT INTO audit_event (${recordColumns})
         SELECT ${recordColumns}
           FROM jsonb_to_recordset($9::jsonb) AS f (nth int, mark text, ${recordTypes})
           JOIN held USING (nth, mark))
  SELECT * FROM held`;
