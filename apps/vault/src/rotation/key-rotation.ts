import type { AuditActor } from '../audit/audit-log.js';
import type { RowPosition } from './postgres-sealed-column.js';

export type RotationKind = 'data-key' | 'key-encryption-key';

/**
 * `announcing` every process loads the new data key · `switching` every process begins to seal by it · `sealing` what
 * older keys sealed is sealed anew · `wrapping` data keys are wrapped by the first key-encryption key · `finished`.
 */
export type RotationPhase = 'announcing' | 'switching' | 'sealing' | 'wrapping' | 'finished';

/** One rotation, or the retirement of one data key. At most one is under way. */
export interface KeyRotation {
  readonly id: string;
  readonly what: RotationKind | 'retirement';
  /** The new data key, the key-encryption key that shall wrap, or the data key that shall go. */
  readonly keyId: string;
  readonly phase: RotationPhase;
  /** Why it does not go on, in words. */
  readonly waitingFor: string | undefined;
  readonly position: SealingPosition | undefined;
  /** Whole runs over all columns; it ends with the one that finds nothing. */
  readonly pass: number;
  /** Values in this pass that an older key had sealed, apart from those that do not open. */
  readonly found: number;
  readonly sealed: number;
  /** `table.column row`: values that do not open, found in this pass. */
  readonly broken: readonly string[];
  readonly outcome: string | undefined;
  readonly actor: AuditActor;
  readonly startedAt: Date;
  readonly finishedAt: Date | undefined;
}

/** The column that is worked on, and the last row done; none yet at its beginning. */
export interface SealingPosition {
  readonly column: string;
  readonly after?: RowPosition;
}
