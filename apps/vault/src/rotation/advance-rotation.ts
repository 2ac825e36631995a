import { Problem } from '#lib/problem/problem';
import type { AuditLog } from '../audit/audit-log.js';
import type { CrashPoint } from '../database/crash-point.js';
import type { Database, Transaction } from '../database/database.js';
import type { KeyRingSealer } from '../sealing/key-ring-sealer.js';
import type { KeyRotation } from './key-rotation.js';
import type { PostgresKeyAdministration } from './postgres-key-administration.js';
import type { PostgresKeyRotationStore } from './postgres-key-rotation-store.js';
import type { SealAnew } from './seal-anew.js';
import type { WrapAnew } from './wrap-anew.js';

/** `idle` nothing to do · `elsewhere` another process is at it · `waiting` for something · `more` at once. */
export type StepResult = 'idle' | 'elsewhere' | 'waiting' | 'more';

export interface RotationParts {
  readonly database: Database;
  readonly store: PostgresKeyRotationStore;
  readonly keys: PostgresKeyAdministration;
  readonly sealer: KeyRingSealer;
  readonly sealing: SealAnew;
  readonly wrapping: WrapAnew;
  readonly audit: AuditLog;
  readonly crashPoint: CrashPoint;
}

/**
 * The next step of the rotation that is under way, whoever began it. What a step does and where it stands afterwards
 * commit together, so that any process goes on where another one died.
 */
export class AdvanceRotation {
  constructor(private readonly parts: RotationParts) {}

  async step(): Promise<StepResult> {
    const running = await this.parts.store.running();
    if (running === undefined) return 'idle';
    if (!running.mine) return 'elsewhere';
    const seen = running.rotation;
    try {
      const result = await this.#step(seen);
      if (seen.phase === 'sealing' && result === 'more')
        this.parts.crashPoint('rotation-after-batch');
      return result;
    } catch (error) {
      if (!(error instanceof Problem) || error.code !== 'sealed') throw error;
      return this.#wait(seen, error.detail);
    }
  }

  #step(seen: KeyRotation): Promise<StepResult> {
    if (seen.phase === 'wrapping') return this.#wrap(seen);
    return this.#inTurn(async (tx, rotation) => {
      switch (rotation.phase) {
        case 'announcing':
          return this.#announce(tx, rotation);
        case 'switching':
          return this.#switch(tx, rotation);
        case 'sealing':
          return this.#seal(tx, rotation);
        default:
          return 'more';
      }
    });
  }

  async #inTurn(
    work: (tx: Transaction, rotation: KeyRotation) => Promise<StepResult | { waitingFor: string }>,
  ): Promise<StepResult> {
    let at: KeyRotation | undefined;
    const result = await this.parts.database.transaction(async (tx) => {
      if (!(await this.parts.store.turn(tx))) return 'elsewhere';
      at = await this.parts.store.take(tx);
      return at === undefined ? 'elsewhere' : work(tx, at);
    });
    if (typeof result === 'string') return result;
    return at === undefined ? 'idle' : this.#wait(at, result.waitingFor);
  }

  /** The new key becomes the primary once every process that lives has it: none meets a row that it cannot open. */
  async #announce(tx: Transaction, { id, keyId }: KeyRotation) {
    const without = (await this.parts.keys.live()).filter(
      ({ dataKeys }) => !dataKeys.includes(keyId),
    );
    if (without.length > 0) return waitingForAll('to load the new data key', without);
    await this.parts.keys.promote(tx, keyId);
    await this.parts.store.advance(tx, id, 'switching');
    return 'more' as const;
  }

  /** Sealing anew begins once nobody adds rows under an older key. */
  async #switch(tx: Transaction, rotation: KeyRotation) {
    const { sealer, keys, store } = this.parts;
    await sealer.unseal();
    const primary = sealer.primaryKey;
    const behind = (await keys.live()).filter((process) => process.primaryKey !== primary);
    if (behind.length > 0) return waitingForAll('to seal by the primary data key', behind);
    if (rotation.what === 'retirement' && !(await keys.close(tx, rotation.keyId)))
      return this.#finish(tx, rotation, 'The key is the primary one, or has gone.');
    await store.advance(tx, rotation.id, 'sealing');
    return 'more' as const;
  }

  async #seal(tx: Transaction, rotation: KeyRotation) {
    const { sealer, store, sealing } = this.parts;
    const primary = await this.#primary();
    if (primary === undefined) return { waitingFor: sealer.problem ?? 'the primary data key' };
    const { rotation: after, clean } = await sealing.batch(tx, rotation, primary);
    await store.progress(tx, after);
    if (!clean) return 'more' as const;
    return rotation.what === 'retirement'
      ? this.#retire(tx, after)
      : this.#finish(tx, after, outcomeOf(after));
  }

  /** The key that the database calls primary, if this process seals by it. */
  async #primary(): Promise<Buffer | undefined> {
    const { keys, sealer } = this.parts;
    const named = (await keys.list()).find(({ status }) => status === 'primary')?.id;
    if (sealer.primaryKey !== named) await sealer.unseal();
    return named !== undefined && sealer.primaryKey === named
      ? Buffer.from(named, 'hex')
      : undefined;
  }

  async #retire(tx: Transaction, rotation: KeyRotation): Promise<StepResult> {
    const { keys } = this.parts;
    if (rotation.broken.length > 0) {
      await keys.reopen(tx, rotation.keyId);
      return this.#finish(tx, rotation, `${outcomeOf(rotation)} The key stays.`);
    }
    await keys.remove(tx, rotation.keyId);
    return this.#finish(tx, rotation, 'Nothing stands under the key any more; it is deleted.');
  }

  async #wrap({ id }: KeyRotation): Promise<StepResult> {
    // Taken first, and committed: no transaction is open while a provider is asked.
    const rotation = await this.parts.database.transaction((tx) => this.parts.store.take(tx));
    if (rotation?.id !== id) return 'elsewhere';
    const step = await this.parts.wrapping.step(rotation);
    if (step === undefined) return 'more';
    if (step !== 'done') return this.#wait(rotation, step.waitingFor);
    return this.#inTurn((tx, current) =>
      this.#finish(tx, current, 'Every data key is wrapped by the new key-encryption key.'),
    );
  }

  async #finish(tx: Transaction, rotation: KeyRotation, outcome: string): Promise<StepResult> {
    const { what, keyId, sealed, broken } = rotation;
    await this.parts.store.finish(tx, rotation.id, outcome);
    await this.parts.audit.record(tx, {
      action: what === 'retirement' ? 'key.retired' : 'key.rotated',
      outcome: broken.length > 0 ? 'failed' : 'success',
      actor: rotation.actor,
      target: { what, keyId },
      detail: { sealed, broken, outcome },
    });
    return 'more';
  }

  async #wait({ id }: KeyRotation, reason: string): Promise<StepResult> {
    await this.parts.store.wait(id, reason);
    return 'waiting';
  }
}

function waitingForAll(
  whatFor: string,
  processes: readonly { name: string; problem: string | null }[],
): { waitingFor: string } {
  const each = processes.map(({ name, problem }) => (problem ? `${name} (${problem})` : name));
  return { waitingFor: `${each.join(', ')} ${whatFor}` };
}

function outcomeOf({ sealed, broken }: KeyRotation): string {
  if (broken.length === 0)
    return `${sealed} values were sealed anew; none is left under an older key.`;
  return `${sealed} values were sealed anew; ${broken.length} do not open: ${broken.join(', ')}.`;
}
