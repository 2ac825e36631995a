import type { Transaction } from '../database/database.js';
import { queryOf } from '../database/postgres-database.js';

/**
 * Whether a resource is still the one that was worked with, and stays it until the transaction ends. Call it before
 * anything else is locked: whoever changes a resource locks it first, too.
 */
export async function isSameVersion(
  tx: Transaction,
  { id, version }: { readonly id: string; readonly version: number },
): Promise<boolean> {
  const rows = await queryOf(tx)(
    'SELECT 1 FROM registry_resource WHERE id = $1 AND version = $2 FOR SHARE',
    [id, version],
  );
  return rows.length > 0;
}
