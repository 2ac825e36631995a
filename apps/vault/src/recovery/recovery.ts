import type { AuditActor } from '../audit/audit-log.js';

/**
 * `held` marked, nothing is refreshed · `preparing` grants are queued, nothing is refreshed · `running` what is queued
 * is tested, the rest lives as always · `stopped` no test; what is queued stays held · `finished`.
 */
export type RecoveryState = 'held' | 'preparing' | 'running' | 'stopped' | 'finished';

/** What a recovery is begun with. */
export interface RecoveryPlan {
  readonly backupTime: Date | undefined;
  /** Tests a minute at each provider, over all replicas. */
  readonly ratePerMinute: number;
  /** A provider is stopped once more than this share of at least ten tests found the token dead. */
  readonly breakerShare: number;
  /** Row id: grants of other oauth clients are set free untested. */
  readonly onlyClient: string | undefined;
  /** Row ids of oauth clients whose refresh tokens stay as they are: nothing of theirs is held. */
  readonly neverRotate: readonly string[];
}

export interface ProviderProgress {
  readonly oauthClientId: string;
  readonly state: 'testing' | 'stopped' | 'finished';
  /** Still to be tested, and how many of those somebody waits for. */
  readonly waiting: number;
  readonly wanted: number;
  readonly alive: number;
  readonly dead: number;
  /** Revoked, reconnected or suspended before their turn came. */
  readonly gone: number;
  /** Tests that came to nothing because the provider failed; they are repeated. */
  readonly failures: number;
}

export interface Recovery {
  readonly id: string;
  readonly state: RecoveryState;
  readonly backupTime: Date | undefined;
  readonly ratePerMinute: number;
  readonly breakerShare: number;
  readonly actor: AuditActor | undefined;
  readonly markedAt: Date;
  readonly startedAt: Date | undefined;
  readonly finishedAt: Date | undefined;
  readonly providers: readonly ProviderProgress[];
}

/** So few tests say nothing of the others. */
export const breakerMinimum = 10;
