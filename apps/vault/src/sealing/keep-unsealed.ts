import type { VaultLogger } from '../log-events.js';
import type { KeyRingSealer } from './key-ring-sealer.js';

const retryMs = 2_000;

/** Opens the key ring at start, and goes on trying while the database is away or the schema behind. */
export class KeepUnsealed {
  #timer: NodeJS.Timeout | undefined;
  #stopped = false;

  constructor(
    private readonly sealer: KeyRingSealer,
    private readonly logger: VaultLogger,
  ) {}

  /** Resolves after the first attempt, whatever came of it. */
  async start(): Promise<void> {
    await this.#try();
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
  }

  async #try(): Promise<void> {
    try {
      await this.sealer.unseal();
    } catch (error) {
      this.logger.warn({ event: 'sealing.unseal_failed', err: error });
    }
    const { sealedBecause } = this.sealer;
    if (sealedBecause === undefined || this.#stopped) return;
    this.logger.warn({ event: 'sealing.sealed', reason: sealedBecause });
    this.#timer = setTimeout(() => void this.#try(), retryMs);
  }
}
