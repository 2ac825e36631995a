import type { FaultStack } from './fault-stack.js';
import type { VaultNode } from './nodes.js';

/** Who is killed in which round, so that there always is somebody who has long been up. */
export class KillRotation {
  readonly #boots: Promise<number>[] = [];

  constructor(private readonly stack: FaultStack) {}

  /** Whom this round kills. Everybody else is up when it resolves. */
  async victim(round: number): Promise<VaultNode> {
    const { vaults } = this.stack;
    await Promise.all(this.#boots.slice(0, round - vaults.length + 2));
    return vaults[round % vaults.length] as VaultNode;
  }

  /** kill -9, and it starts again meanwhile. */
  async kill(vault: VaultNode): Promise<void> {
    await vault.process.kill();
    const boot = vault.process.start();
    // Told to whoever waits for it next, not to the process.
    boot.catch(() => undefined);
    this.#boots.push(boot);
  }

  /** Milliseconds that each start took. */
  settled(): Promise<readonly number[]> {
    return Promise.all(this.#boots);
  }
}
