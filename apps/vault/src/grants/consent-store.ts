import type { Transaction } from '../database/database.js';

/** How long a consent lasts. */
export const consentLifetimeSeconds = 180 * 24 * 60 * 60;

/** Person (issuer row id), the application that asks, who receives the token, and for which upstream. */
export interface ConsentKey {
  readonly issuerId: string;
  readonly subject: string;
  readonly application: string;
  /** `gateway`, or the slug of the service that receives the token. */
  readonly consumer: string;
  readonly upstreamId: string;
}

export interface Consent extends ConsentKey {
  readonly id: string;
  readonly scopes: readonly string[];
  readonly createdAt: Date;
  readonly expiresAt: Date;
}

export interface ConsentStore {
  /** The unexpired consent of this key; whether it is enough is for the caller to see. */
  find(key: ConsentKey): Promise<Consent | undefined>;
  listOf(person: { issuerId: string; subject: string }): Promise<readonly Consent[]>;
  record(
    tx: Transaction,
    key: ConsentKey,
    scopes: readonly string[],
    lifetimeSeconds: number,
  ): Promise<Consent>;
  remove(tx: Transaction, id: string): Promise<Consent | undefined>;
}
