import type { ConsentRequest } from './consent-requests.js';
import type { ConsentStores } from './consent-stores.js';
import type { UnconfirmedAccount } from './postgres-unconfirmed-account-store.js';

/** Keeps what was brought, sealed, until the person has said whether it is what they want. False where the interaction has ended or changed meanwhile. */
export function holdUnconfirmed(
  { database, interactions, unconfirmed }: ConsentStores,
  request: ConsentRequest,
  version: number,
  brought: UnconfirmedAccount,
): Promise<boolean> {
  const { id } = request.interaction;
  return database.transaction(async (tx) => {
    if ((await interactions.lock(tx, id))?.version !== version) return false;
    if (!(await interactions.step(tx, id, 'hold', { status: 'confirming' }))) return false;
    await unconfirmed.put(tx, request, brought);
    await interactions.prolong(tx, id);
    return true;
  });
}
