/** The vault's login is a member of it: it reads and writes every table, but only adds to the audit log. */
const vaultRole = 'symbolon_vault';

export interface VaultRoleReport {
  /** What an administrator of the server has to do by hand, as SQL with a sentence before it; absent where nothing. */
  readonly byHand?: string;
}

type RunSql = (sql: string) => Promise<unknown>;

/**
 * Makes the role where the server lacks it, and grants it what the vault needs of every table there is. Roles
 * belong to the whole server, grants to this database; both may be repeated, also after a restore. `role`: a plain
 * name; tests use others than the one that there is.
 */
export async function grantVaultRole(run: RunSql, role = vaultRole): Promise<VaultRoleReport> {
  if (!(await roleExists(run, role)) && !(await makeRole(run, role)))
    return { byHand: missing(role) };
  await run(grantsTo(role));
  return {};
}

async function roleExists(run: RunSql, role: string): Promise<boolean> {
  const found = await run(`SELECT 1 AS found FROM pg_roles WHERE rolname = '${role}'`);
  return Array.isArray(found) && found.length > 0;
}

/** False where this user may not make roles. */
async function makeRole(run: RunSql, role: string): Promise<boolean> {
  try {
    await run(`CREATE ROLE ${role} NOLOGIN`);
    return true;
  } catch (error) {
    const { code } = error as { code?: string };
    // duplicate_object, unique_violation: a migration of another database of this server was faster.
    if (code === '42710' || code === '23505') return true;
    // insufficient_privilege.
    if (code === '42501') return false;
    throw error;
  }
}

function missing(role: string): string {
  return `The role ${role} is missing, and this user may not make it, so nothing keeps the vault from changing its audit log.
Run once as an administrator of the server, then migrate again:
  CREATE ROLE ${role} NOLOGIN;`;
}

// When something happened and where it stands in the log, the database alone says: nobody adds to the past.
const eventColumns = 'action, outcome, actor, target, request_id, detail';
const sealColumns = 'position, sequence, hash, settled';

// Tables of others in the same schema are theirs to grant.
function grantsTo(role: string): string {
  return `DO $$
DECLARE
  relation record;
BEGIN
  IF NOT has_schema_privilege('${role}', current_schema(), 'USAGE') THEN
    EXECUTE format('GRANT USAGE ON SCHEMA %I TO ${role}', current_schema());
  END IF;
  FOR relation IN
    SELECT c.relname AS name, c.relkind AS kind FROM pg_class c
     WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind IN ('r', 'p', 'S')
       AND pg_has_role(current_user, c.relowner, 'USAGE')
  LOOP
    IF relation.kind = 'S' THEN
      EXECUTE format('GRANT USAGE ON SEQUENCE %I TO ${role}', relation.name);
    ELSIF relation.name IN ('audit_event', 'audit_seal') THEN
      EXECUTE format('REVOKE ALL ON %I FROM ${role}, PUBLIC', relation.name);
      EXECUTE format('GRANT SELECT, INSERT (%s) ON %I TO ${role}',
        CASE relation.name WHEN 'audit_event' THEN '${eventColumns}' ELSE '${sealColumns}' END, relation.name);
    ELSIF relation.name = 'migrations' THEN
      EXECUTE format('GRANT SELECT ON %I TO ${role}', relation.name);
    ELSE
      EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON %I TO ${role}', relation.name);
    END IF;
  END LOOP;
END $$`;
}
