import type { ChainHead } from '#lib/audit-chain/verify-chain';
import type { VaultLogger } from '../log-events.js';
import type { PostgresAuditChain } from './postgres-audit-chain.js';
import type { PostgresAuditRole } from './postgres-audit-role.js';

const pollMs = 1_000;
const announceMs = 60_000;

/**
 * Chains what was recorded, each second; whichever replica is first does it. Logs the head at most once a minute:
 * logs that go elsewhere are the anchor outside the database.
 */
export class KeepChaining {
  #timer: NodeJS.Timeout | undefined;
  #running: Promise<void> = Promise.resolve();
  #announcedMs = -announceMs;
  #isRoleChecked = false;
  #stopped = true;

  constructor(
    private readonly chain: PostgresAuditChain,
    private readonly role: PostgresAuditRole,
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
      await this.#checkRole();
      const round = await this.chain.chain();
      if (round) this.#announce(round.head);
      more = round?.more ?? false;
    } catch (error) {
      this.logger.error({ event: 'audit.chain_failed', err: error });
    }
    this.#chainIn(more ? 0 : pollMs * (0.8 + 0.4 * Math.random()));
  }

  /** It works all the same; but then whoever takes over the vault can change what it recorded. */
  async #checkRole(): Promise<void> {
    if (this.#isRoleChecked) return;
    const strong = await this.role.tooStrong();
    if (strong) this.logger.warn({ event: 'audit.role_too_strong', ...strong });
    this.#isRoleChecked = true;
  }

  #announce({ position, hash }: ChainHead): void {
    const now = performance.now();
    if (now - this.#announcedMs < announceMs) return;
    this.#announcedMs = now;
    this.logger.info({ event: 'audit.sealed', position, hash });
  }
}
