import type { Transaction } from '../database/database.js';
import { queryOf } from '../database/postgres-database.js';
import { type Person, PersonLeft } from './person-left.js';

/**
 * Before anything new of a person is stored: a session, an interaction, a consent, a grant. Whoever comes through
 * is waited for by `shutOut`, so that ending everything misses nothing that was on its way. Throws PersonLeft.
 */
export async function admit(tx: Transaction, person: Person): Promise<void> {
  await queryOf(tx)('SELECT pg_advisory_xact_lock_shared(hashtextextended($1, 0))', [
    lockOf(person),
  ]);
  if (await isBarred(tx, person)) throw new PersonLeft();
}

/** Waits for all that was let through before; what comes after sees what this transaction stores. */
export async function shutOut(tx: Transaction, person: Person): Promise<void> {
  await queryOf(tx)('SELECT pg_advisory_xact_lock(hashtextextended($1, 0))', [lockOf(person)]);
}

export async function isBarred(tx: Transaction, { issuerId, subject }: Person): Promise<boolean> {
  const rows = await queryOf(tx)(
    'SELECT id FROM leaver WHERE issuer_id = $1 AND subject = $2 AND lifted_at IS NULL',
    [issuerId, subject],
  );
  return rows.length > 0;
}

function lockOf({ issuerId, subject }: Person): string {
  return `symbolon/person/${JSON.stringify([issuerId, subject])}`;
}
