import type { Secret } from '#lib/secret/secret';
import type { Transaction } from '../database/database.js';
import { type PostgresDatabase, queryOf } from '../database/postgres-database.js';
import type { SealedPlace, Sealer } from '../sealing/sealer.js';
import type { CollectionName } from './domain/collection.js';
import type { JsonObject } from './domain/json.js';
import type { RegistryRow, RegistryRows } from './registry-row.js';

interface Row {
  id: string;
  collection: CollectionName;
  slug: string;
  version: string;
  document: JsonObject;
  created_at: Date;
  updated_at: Date;
  secrets_set: string[];
  check_failure: string | null;
  /** Absent in the answer of a write. */
  registered?: RegistryRow['registered'] | null;
  held_tools?: string[];
  tools_forgotten?: number | null;
}

/** What of a resource is written. */
interface Content {
  readonly document: JsonObject;
  readonly checkFailure: string | undefined;
}

/** Where a live value of a resource's secret is sealed. */
export function registrySecretPlace(resourceId: string, name: string, slot: number): SealedPlace {
  return {
    table: 'registry_secret',
    column: 'sealed',
    rowId: `${resourceId} ${name} ${slot}`,
    issuer: '',
    subject: '',
    oauthClient: '',
  };
}

/** The registry's tables. The whole registry is small and always read as one. */
export class PostgresRegistryStore {
  constructor(
    private readonly database: PostgresDatabase,
    private readonly sealer: Sealer,
  ) {}

  async version(): Promise<number> {
    const [row] = await this.database.query<{ version: string }>(
      'SELECT version FROM registry_version',
    );
    return Number(row?.version ?? 0);
  }

  /** One statement, so that version and rows belong together. */
  async load(): Promise<RegistryRows> {
    const rows = await this.database.query<Row & { registry_version: string }>(
      `SELECT v.version AS registry_version, r.*,
              ARRAY(SELECT DISTINCT s.name FROM registry_secret s WHERE s.resource_id = r.id ORDER BY s.name) AS secrets_set,
              (SELECT jsonb_build_object('authorizationServer', g.authorization_server, 'clientId', g.client_id,
                        'registeredAt', g.registered_at, 'clientSecretExpiresAt', g.client_secret_expires_at)
                 FROM oauth_client_registration g WHERE g.oauth_client_id = r.id) AS registered,
              ARRAY(SELECT DISTINCT t.name FROM upstream_tool t
                     WHERE t.upstream_id = r.id AND t.state = 'held' ORDER BY t.name) AS held_tools,
              (SELECT f.forgotten FROM upstream_tool_inventory f WHERE f.upstream_id = r.id) AS tools_forgotten
         FROM registry_version v LEFT JOIN registry_resource r ON true
        ORDER BY r.collection, r.slug`,
    );
    return {
      version: Number(rows[0]?.registry_version ?? 0),
      rows: rows.filter((row) => row.id !== null).map(rowOf),
    };
  }

  /** Takes the writers' turn; undefined when somebody has changed the registry since `version`. */
  async advance(tx: Transaction, version: number): Promise<number | undefined> {
    const [row] = await queryOf(tx)<{ version: string }>(
      'UPDATE registry_version SET version = version + 1 WHERE version = $1 RETURNING version',
      [version],
    );
    return row && Number(row.version);
  }

  async insert(
    tx: Transaction,
    resource: Content & { collection: CollectionName; slug: string },
  ): Promise<RegistryRow> {
    const [row] = await queryOf(tx)<Row>(
      `INSERT INTO registry_resource (collection, slug, document, check_failure)
       VALUES ($1, $2, $3, $4) RETURNING *, '{}'::text[] AS secrets_set`,
      [
        resource.collection,
        resource.slug,
        JSON.stringify(resource.document),
        resource.checkFailure ?? null,
      ],
    );
    return rowOf(existing(row));
  }

  async update(tx: Transaction, id: string, content: Content): Promise<RegistryRow> {
    const [row] = await queryOf(tx)<Row>(
      `UPDATE registry_resource SET document = $2, check_failure = $3, version = version + 1, updated_at = now()
        WHERE id = $1 RETURNING *, '{}'::text[] AS secrets_set`,
      [id, JSON.stringify(content.document), content.checkFailure ?? null],
    );
    return rowOf(existing(row));
  }

  /** Remembers what a check found; the document and its version stay. */
  async recordCheck(id: string, failure: string | undefined): Promise<void> {
    await this.database.query('UPDATE registry_resource SET check_failure = $2 WHERE id = $1', [
      id,
      failure ?? null,
    ]);
  }

  async remove(tx: Transaction, id: string): Promise<void> {
    await queryOf(tx)('DELETE FROM registry_resource WHERE id = $1', [id]);
  }

  /** Replaces all live values; none removes the secret. */
  async setSecret(
    tx: Transaction,
    resourceId: string,
    name: string,
    values: readonly Secret[],
  ): Promise<void> {
    const query = queryOf(tx);
    await query('DELETE FROM registry_secret WHERE resource_id = $1 AND name = $2', [
      resourceId,
      name,
    ]);
    for (const [slot, value] of values.entries()) {
      const sealed = this.sealer.seal(registrySecretPlace(resourceId, name, slot), value);
      await query(
        'INSERT INTO registry_secret (resource_id, name, slot, sealed) VALUES ($1, $2, $3, $4)',
        [resourceId, name, slot, sealed],
      );
    }
  }

  /** Live values, newest first. Rejects with `SealBroken`. */
  async secrets(resourceId: string, name: string): Promise<readonly Secret[]> {
    const rows = await this.database.query<{ slot: number; sealed: Buffer }>(
      'SELECT slot, sealed FROM registry_secret WHERE resource_id = $1 AND name = $2 ORDER BY slot',
      [resourceId, name],
    );
    return Promise.all(
      rows.map(({ slot, sealed }) =>
        this.sealer.open(registrySecretPlace(resourceId, name, slot), sealed),
      ),
    );
  }
}

function rowOf(row: Row): RegistryRow {
  return {
    id: row.id,
    collection: row.collection,
    slug: row.slug,
    version: Number(row.version),
    document: row.document,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
    secretsSet: row.secrets_set,
    checkFailure: row.check_failure ?? undefined,
    ...(row.registered ? { registered: row.registered } : {}),
    ...(row.tools_forgotten ? { toolsForgotten: row.tools_forgotten } : {}),
    ...(row.held_tools && row.held_tools.length > 0 ? { heldTools: row.held_tools } : {}),
  };
}

function existing(row: Row | undefined): Row {
  if (row === undefined) throw new Error('The registry row has gone within its transaction.');
  return row;
}
