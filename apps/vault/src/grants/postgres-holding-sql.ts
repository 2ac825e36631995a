import { recordColumns } from '../audit/postgres-audit-log.js';

/**
 * What is asked for, by name: one text for all, because arrays would be quoted item by item. It also keeps the plan
 * of the statement in each connection: Postgres makes a new one at each call where it can see how many items come.
 */
const wanted = `ROWS FROM (jsonb_to_recordset($1::jsonb) AS
     (issuer_id uuid, subject text, oauth_client_id uuid, partition text, resource text,
      application text, consumer text, upstream_id uuid, foreseen text, record jsonb)) WITH ORDINALITY
     AS w (issuer_id, subject, oauth_client_id, partition, resource,
           application, consumer, upstream_id, foreseen, record, nth)`;

const joined = `${wanted}
    LEFT JOIN client_consent c ON c.issuer_id = w.issuer_id AND c.subject = w.subject
         AND c.application = w.application AND c.consumer = w.consumer AND c.upstream_id = w.upstream_id
         AND c.expires_at > now()
    LEFT JOIN user_grant g ON g.issuer_id = w.issuer_id AND g.subject = w.subject
         AND g.oauth_client_id = w.oauth_client_id AND g.partition = w.partition
    LEFT JOIN access_token a ON a.grant_id = g.id AND a.resource = w.resource`;

/** `mark` names the versions of the rows that were read: it is another one once any of them was written. */
const found = `w.nth::int AS nth, c.scopes AS consented,
         c.xmin::text || '/' || g.xmin::text || '/' || a.xmin::text AS mark,
         g.id, g.status, g.version::float8 AS version, g.token_version::float8 AS "tokenVersion", g.metadata,
         g.requested_scopes AS "requestedScopes", g.granted_scopes AS "grantedScopes",
         g.refresh_token IS NOT NULL AS "hasRefreshToken",
         extract(epoch FROM g.refresh_paused_until)::float8 AS "refreshPausedUntil",
         a.sealed, a.sha256, a.token_type AS "tokenType", g.dpop_key AS "dpopKey", a.scopes,
         a.granted_scopes AS "tokenGrantedScopes",
         extract(epoch FROM a.issued_at)::float8 AS "issuedAt",
         extract(epoch FROM a.expires_at)::float8 AS "expiresAt"`;

const names = `nth, consented, mark, id, status, version, "tokenVersion", metadata, "requestedScopes", "grantedScopes",
         "hasRefreshToken", "refreshPausedUntil", sealed, sha256, "tokenType", "dpopKey", scopes, "tokenGrantedScopes",
         "issuedAt", "expiresAt"`;

export const holding = `SELECT ${found} FROM ${joined}`;

/**
 * The same, which also records what was foreseen of exactly the rows that it finds. One statement: what is recorded
 * was so at the moment at which it was read, and is durable when the rows arrive.
 */
export const holdingAndRecording = `
  WITH held AS (SELECT ${found}, w.foreseen, w.record FROM ${joined}),
       recorded AS (
         INSERT INTO audit_event (${recordColumns})
         SELECT record->>'action', record->>'outcome', record->'actor', record->'target', record->>'request_id',
                record->'detail'
           FROM held WHERE mark = foreseen)
  SELECT ${names} FROM held`;
