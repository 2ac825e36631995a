import type { CollectionName } from './domain/collection.js';
import type { JsonObject } from './domain/json.js';

/** One resource as it stands in the database. */
export interface RegistryRow {
  readonly id: string;
  readonly collection: CollectionName;
  readonly slug: string;
  readonly version: number;
  readonly document: JsonObject;
  readonly createdAt: Date;
  readonly updatedAt: Date;
  /** Names of the secrets that have a value. */
  readonly secretsSet: readonly string[];
  /** What the last check found wrong, in public words. */
  readonly checkFailure: string | undefined;
  /** Of an upstream: names of tools that changed and wait for an administrator. */
  readonly heldTools?: readonly string[];
  /** Of an upstream: how often what was known of its tools was forgotten; absent: never. */
  readonly toolsForgotten?: number;
  /** What an oauth client was made when it registered itself (RFC 7591); times as Postgres writes them. */
  readonly registered?: {
    readonly authorizationServer: string;
    readonly clientId: string;
    readonly registeredAt: string;
    readonly clientSecretExpiresAt: string | null;
  };
}

/** Everything at one version: versions count committed changes. */
export interface RegistryRows {
  readonly version: number;
  readonly rows: readonly RegistryRow[];
}
