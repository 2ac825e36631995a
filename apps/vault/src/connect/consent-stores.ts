import type { Database } from '../database/database.js';
import type { ConsentStore } from '../grants/consent-store.js';
import type { Grants } from '../grants/grants.js';
import type { PostgresInteractionStore } from '../interactions/postgres-interaction-store.js';
import type { PostgresAuthorizationStore } from './postgres-authorization-store.js';
import type { PostgresUnconfirmedAccountStore } from './postgres-unconfirmed-account-store.js';

/** The ConsentStores, for Nest. */
export const CONSENT_STORES = Symbol('ConsentStores');

/** What the use cases of consent read and write, in one database. */
export interface ConsentStores {
  readonly database: Database;
  readonly interactions: PostgresInteractionStore;
  readonly authorizations: PostgresAuthorizationStore;
  readonly unconfirmed: PostgresUnconfirmedAccountStore;
  readonly grants: Grants;
  readonly consents: ConsentStore;
}
