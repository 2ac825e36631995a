import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import type { VaultLogger } from '../log-events.js';
import type { KeyEncryptionKey } from './key-encryption-key.js';
import type { KeyRingSealer } from './key-ring-sealer.js';
import type { SealingProcessStore } from './sealing-key-store.js';
import { withinDeadline } from './within-deadline.js';

const pollMs = 2_000;
const slowestMs = 30_000;
/** A provider that hangs must not keep the process from answering that it is sealed. */
const firstMs = 4_000;

/**
 * Opens the key ring at start and goes on trying, less often the longer a provider refuses; once it is open, learns
 * of keys that other replicas make and tells them which ones it holds.
 */
export class KeepUnsealed {
  readonly #id = randomUUID();
  #timer: NodeJS.Timeout | undefined;
  #stopped = false;
  #said: string | undefined;
  #failures = 0;

  constructor(
    private readonly sealer: KeyRingSealer,
    private readonly processes: SealingProcessStore,
    private readonly keks: readonly KeyEncryptionKey[],
    private readonly logger: VaultLogger,
  ) {}

  /** Resolves after the first attempt, whatever came of it, or when that lasts. */
  async start(): Promise<void> {
    const late = () => new Error('late');
    await withinDeadline(this.#round(), firstMs, late).catch(() => undefined);
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    clearTimeout(this.#timer);
    await this.processes.forget(this.#id).catch(() => undefined);
  }

  /** Looks now, because something has just changed. */
  async look(): Promise<void> {
    await this.sealer.unseal();
    await this.#report();
  }

  async #round(): Promise<void> {
    try {
      await this.look();
    } catch (error) {
      // A database that is away is told of by its own check; while sealed it is the reason.
      if (this.sealer.sealedBecause !== undefined)
        this.logger.warn({ event: 'sealing.unseal_failed', err: error });
    }
    this.#tell();
    if (!this.#stopped) this.#timer = setTimeout(() => void this.#round(), this.#pauseMs());
  }

  #tell(): void {
    const reason = this.sealer.sealedBecause ?? this.sealer.problem;
    this.#failures = reason === undefined ? 0 : this.#failures + 1;
    if (reason !== undefined && (reason !== this.#said || this.sealer.sealedBecause !== undefined))
      this.logger.warn({ event: 'sealing.sealed', reason });
    this.#said = reason;
  }

  #pauseMs(): number {
    const grown = Math.min(pollMs * 1.5 ** Math.max(this.#failures - 3, 0), slowestMs);
    return grown * (0.8 + 0.4 * Math.random());
  }

  async #report(): Promise<void> {
    const { primaryKey, dataKeys, problem, sealedBecause } = this.sealer;
    await this.processes.report({
      id: this.#id,
      name: `${hostname()}:${process.pid}`,
      primaryKey,
      dataKeys,
      keks: this.keks.map(({ id }) => id),
      problem: sealedBecause ?? problem,
    });
  }
}
