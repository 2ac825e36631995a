import type { Transaction } from '../database/database.js';
import type { ConsentRequest } from './consent-requests.js';
import type { ConsentStores } from './consent-stores.js';
import type { UnconfirmedAccount } from './postgres-unconfirmed-account-store.js';

export interface Held {
  /** Of the interaction, when the token was brought. */
  readonly version: number;
  readonly brought: UnconfirmedAccount;
  /** What belongs in the same transaction. */
  readonly record?: (tx: Transaction) => Promise<void>;
}

/** Keeps what was brought, sealed, until the person has said whether it is what they want. False where the interaction has ended or changed meanwhile. */
export function holdUnconfirmed(
  { database, interactions, unconfirmed }: ConsentStores,
  request: ConsentRequest,
  { version, brought, record }: Held,
): Promise<boolean> {
  const { id } = request.interaction;
  return database.transaction(async (tx) => {
    if ((await interactions.lock(tx, id))?.version !== version) return false;
    if (!(await interactions.step(tx, id, 'hold', { status: 'confirming' }))) return false;
    await unconfirmed.put(tx, request, brought);
    await interactions.prolong(tx, id);
    await record?.(tx);
    return true;
  });
}
