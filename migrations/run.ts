import { DataSource } from 'typeorm';
import { InitialSchema1763700000000 } from './1763700000000-initial-schema.js';
import { RegistryCheck1763800000000 } from './1763800000000-registry-check.js';
import { TokenScopes1764000000000 } from './1764000000000-token-scopes.js';
import { RefreshAtScale1764100000000 } from './1764100000000-refresh-at-scale.js';
import { AuditChain1764200000000 } from './1764200000000-audit-chain.js';
import { KeyRotation1764300000000 } from './1764300000000-key-rotation.js';
import { GrantMetadata1764400000000 } from './1764400000000-grant-metadata.js';
import { ClientAuthentication1764500000000 } from './1764500000000-client-authentication.js';
import { WebhooksAndRevocations1764600000000 } from './1764600000000-webhooks-and-revocations.js';
import { Leavers1764700000000 } from './1764700000000-leavers.js';
import { ProofOfPossession1764900000000 } from './1764900000000-proof-of-possession.js';
import { Recovery1764800000000 } from './1764800000000-recovery.js';
import { AskedPauses1765000000000 } from './1765000000000-asked-pauses.js';
import { ReturnUri1765200000000 } from './1765200000000-return-uri.js';
import { UpstreamTools1765300000000 } from './1765300000000-upstream-tools.js';
import { AllowedElsewhere1765100000000 } from './1765100000000-allowed-elsewhere.js';
import { SignIn1765400000000 } from './1765400000000-sign-in.js';
import { ToolInventory1765600000000 } from './1765600000000-tool-inventory.js';
import { migrationLock } from './migration-lock.js';
import { fenceSealedColumns } from './sealed-columns.js';
import { grantVaultRole, type VaultRoleReport } from './vault-role.js';

/** All migrations, oldest first. */
const migrations = [
  InitialSchema1763700000000,
  RegistryCheck1763800000000,
  TokenScopes1764000000000,
  RefreshAtScale1764100000000,
  AuditChain1764200000000,
  KeyRotation1764300000000,
  GrantMetadata1764400000000,
  ClientAuthentication1764500000000,
  WebhooksAndRevocations1764600000000,
  Leavers1764700000000,
  Recovery1764800000000,
  ProofOfPossession1764900000000,
  AskedPauses1765000000000,
  AllowedElsewhere1765100000000,
  ReturnUri1765200000000,
  UpstreamTools1765300000000,
  SignIn1765400000000,
  ToolInventory1765600000000,
];

export interface MigrationReport {
  readonly applied: readonly string[];
  readonly vaultRole: VaultRoleReport;
}

/** Brings the schema up to date. Processes that start together wait for each other (advisory lock). */
export async function runMigrations(url: string): Promise<MigrationReport> {
  return withSource(url, async (source) => {
    const lock = source.createQueryRunner();
    await lock.connect();
    try {
      await lock.query('SELECT pg_advisory_lock($1)', [migrationLock]);
      const applied = await source.runMigrations({ transaction: 'each' });
      await fenceSealedColumns((sql, parameters) => lock.query(sql, parameters));
      const vaultRole = await grantVaultRole((sql) => lock.query(sql));
      return { applied: applied.map((migration) => migration.name), vaultRole };
    } finally {
      await lock.query('SELECT pg_advisory_unlock($1)', [migrationLock]);
      await lock.release();
    }
  });
}

/** Names of migrations that the database lacks; empty when the schema is current. */
export async function pendingMigrations(
  query: <Row extends Record<string, unknown>>(sql: string) => Promise<Row[]>,
): Promise<readonly string[]> {
  const [table] = await query<{ exists: boolean }>(
    `SELECT to_regclass('migrations') IS NOT NULL AS exists`,
  );
  const rows = table?.exists ? await query<{ name: string }>('SELECT name FROM migrations') : [];
  const present = new Set(rows.map((row) => row.name));
  return migrations.map((migration) => migration.name).filter((name) => !present.has(name));
}

async function withSource<T>(url: string, work: (source: DataSource) => Promise<T>): Promise<T> {
  const source = new DataSource({
    type: 'postgres',
    url,
    migrations,
    migrationsTableName: 'migrations',
    installExtensions: false,
    applicationName: 'symbolon-migrate',
  });
  await source.initialize();
  try {
    return await work(source);
  } finally {
    await source.destroy();
  }
}
