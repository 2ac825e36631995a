/** `table.column` of every bytea that holds a message sealed by a data key; rotation covers each. */
export const sealedColumns = [
  'registry_secret.sealed',
  'user_grant.refresh_token',
  'user_grant.dpop_key',
  'access_token.sealed',
  'upstream_authorization.pkce_verifier',
  'upstream_authorization.dpop_key',
  'login_attempt.pkce_verifier',
  'unconfirmed_account.sealed',
  'oauth_client_key.private_jwk',
  'access_token_key.private_jwk',
  'oauth_client_registration.client_secret',
  'oauth_client_registration.registration_access_token',
  'provider_revocation.sealed',
] as const;

const trigger = 'sealed_by_living_key';

type Ask = (sql: string, parameters?: unknown[]) => Promise<unknown>;

/**
 * Puts the fence of migration KeyRotation before every sealed column that has none yet: columns come with
 * migrations of their own, before and after it. Asked after each migration run.
 */
export async function fenceSealedColumns(ask: Ask): Promise<void> {
  const columns = sealedColumns.map((name) => name.split('.'));
  const missing = (await ask(
    `SELECT c.table_name, c.column_name
       FROM unnest($1::text[], $2::text[]) AS wanted (table_name, column_name)
       JOIN information_schema.columns c USING (table_name, column_name)
      WHERE c.table_schema = current_schema() AND NOT EXISTS (
        SELECT FROM pg_trigger t WHERE t.tgrelid = to_regclass(format('%I', c.table_name))
           AND t.tgname = $3 || '_' || c.column_name)`,
    [columns.map(([table]) => table), columns.map(([, column]) => column), trigger],
  )) as { table_name: string; column_name: string }[];
  for (const { table_name: table, column_name: column } of missing)
    await ask(
      `CREATE TRIGGER ${trigger}_${column} BEFORE INSERT OR UPDATE OF ${column} ON ${table}
         FOR EACH ROW EXECUTE FUNCTION ${trigger}('${column}')`,
    );
}
