import { DataSource } from 'typeorm';

type RunSql = (sql: string, parameters?: unknown[]) => Promise<unknown>;

/**
 * Marks a database as restored from a backup: from now on no refresh token is used before `symbolon recover` has
 * tested it. What happened after the backup and is undone by it must not count again: sign-ins, sign-outs, requests
 * for consent and their one-time values end. Versions jump to the clock's milliseconds, ahead of all that gateways
 * and administrators can have seen. May be repeated: then the recovery begins anew.
 */
export async function markRestored(run: RunSql, backupTime?: string): Promise<void> {
  // One that was under way when the backup was made knows nothing of what came after it.
  await run(
    `UPDATE recovery SET state = 'finished', finished_at = clock_timestamp() WHERE state <> 'finished'`,
  );
  await run(`INSERT INTO recovery (state, backup_time) VALUES ('held', $1)`, [backupTime ?? null]);
  for (const statement of statements) await run(statement);
}

const jump = `greatest(version + 1, (extract(epoch FROM clock_timestamp()) * 1000)::bigint)`;

const statements = [
  `UPDATE registry_version SET version = ${jump}`,
  `UPDATE registry_resource SET version = ${jump}`,
  `DELETE FROM web_session`,
  `DELETE FROM login_attempt`,
  `DELETE FROM sign_in`,
  // A refresh token that was used, or a session that was ended, after the backup must not be good again.
  `UPDATE client_session SET ended_at = now() WHERE ended_at IS NULL`,
  `UPDATE upstream_authorization SET used_at = now() WHERE used_at IS NULL`,
  // The sweep ends them within a minute and tells whoever waits; until then no link opens them.
  `UPDATE interaction SET expires_at = least(expires_at, now()) WHERE status IN ('pending','confirming')`,
  `UPDATE interaction_link SET expires_at = now() WHERE expires_at > now()`,
];

/** The same before any vault runs, by the login that migrates. */
export async function markDatabaseRestored(url: string, backupTime?: string): Promise<void> {
  const source = new DataSource({
    type: 'postgres',
    url,
    installExtensions: false,
    applicationName: 'symbolon-migrate',
  });
  await source.initialize();
  try {
    await source.transaction((manager) =>
      markRestored((sql, parameters) => manager.query(sql, parameters), backupTime),
    );
  } finally {
    await source.destroy();
  }
}
