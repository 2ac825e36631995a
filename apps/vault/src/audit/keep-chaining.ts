import type { VaultLogger } from '../log-events.js';
import type { PostgresAuditChain } from './postgres-audit-chain.js';

const pollMs = 1_000;
const announceMs = 60_000;

/** Chains what was recorded, each second; logs the head at most once a minute, as an anchor outside the database. */
export class KeepChaining {
  #timer: NodeJS.Timeout | undefined;
  #running: Promise<void> = Promise.resolve();
  #announcedMs = -announceMs;
  #stopped = true;

  constructor(
    private readonly chain: PostgresAuditChain,
    private readonly logger: VaultLogger,
  ) {}

  start(): void {
    this.#stopped = false;
    this.#chainIn(pollMs * Math.random());
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    clearTimeout(this.#timer);
    await this.#running;
  }

  #chainIn(ms: number): void {
    if (this.#stopped) return;
    this.#timer = setTimeout(() => (this.#running = this.#round()), ms);
  }

  async #round(): Promise<void> {
    let more = false;
    try {
      const done = await this.chain.seal();
      if (done) this.#announce(done.head);
      more = done?.more ?? false;
    } catch (error) {
      this.logger.error({ event: 'audit.chain_failed', err: error });
    }
    this.#chainIn(more ? 0 : pollMs * (0.8 + 0.4 * Math.random()));
  }

  #announce({ position, hash }: { position: number; hash: string }): void {
    const now = performance.now();
    if (now - this.#announcedMs < announceMs) return;
    this.#announcedMs = now;
    this.logger.info({ event: 'audit.sealed', position, hash });
  }
}
