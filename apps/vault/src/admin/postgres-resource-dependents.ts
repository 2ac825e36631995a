import type { Transaction } from '../database/database.js';
import { queryOf } from '../database/postgres-database.js';
import type { ResourceDependents } from '../registry/registry-effects.js';
import type { RegistryRow } from '../registry/registry-row.js';

// A partition is an upstream's row id; the id of any other resource equals none of the other columns.
const ofResource = '(issuer_id = $1 OR oauth_client_id = $1 OR partition = $1::text)';

/** Grants keep their issuer, oauth client and upstream from being removed; records of the past do not. */
export class PostgresResourceDependents implements ResourceDependents {
  async living(tx: Transaction, { id }: RegistryRow): Promise<readonly string[]> {
    const [row] = await queryOf(tx)<{ count: string }>(
      `SELECT count(*) AS count FROM user_grant WHERE ${ofResource} AND status <> 'revoked'`,
      [id],
    );
    const count = Number(row?.count ?? 0);
    return count === 0 ? [] : [`${count} ${count === 1 ? 'grant' : 'grants'}`];
  }

  async forget(tx: Transaction, { id, collection, slug }: RegistryRow): Promise<void> {
    const query = queryOf(tx);
    // Row 10: consents name a service by its slug, which the next one of that slug must not inherit. Gateways are no service.
    if (collection === 'machine-clients' && slug !== 'gateway') {
      await query('DELETE FROM client_consent WHERE consumer = $1', [slug]);
      await query('DELETE FROM interaction WHERE consumer = $1', [slug]);
    }
    await query('DELETE FROM client_consent WHERE issuer_id = $1 OR upstream_id = $1', [id]);
    await query('DELETE FROM upstream_authorization WHERE oauth_client_id = $1', [id]);
    await query('DELETE FROM interaction WHERE issuer_id = $1 OR upstream_id = $1', [id]);
    await query(`DELETE FROM user_grant WHERE ${ofResource} AND status = 'revoked'`, [id]);
  }
}
