import type { ChainHead } from '#lib/audit-chain/verify-chain';
import { Rounds } from '#lib/process/rounds';
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
  readonly #rounds: Rounds;
  #announcedMs = -announceMs;
  #isRoleChecked = false;

  constructor(
    private readonly chain: PostgresAuditChain,
    private readonly role: PostgresAuditRole,
    private readonly logger: VaultLogger,
  ) {
    this.#rounds = new Rounds(() => this.#round(), {
      everyMs: pollMs,
      onError: (err) => logger.error({ event: 'audit.chain_failed', err }),
    });
  }

  start(): void {
    this.#rounds.start();
  }

  stop(): Promise<void> {
    return this.#rounds.stop();
  }

  async #round(): Promise<number> {
    await this.#checkRole();
    const round = await this.chain.chain();
    if (round) this.#announce(round.head);
    return round?.more ? 0 : pollMs;
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
