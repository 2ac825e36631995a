import { setTimeout as sleep } from 'node:timers/promises';
import type { VaultClient } from '#lib/contract/vault-client';
import type { Lease, Leases } from './leases.js';

const atOnce = 16;
// With the staleness limit of 3 s, or 1.5 s after the question before, this keeps the promise of 5 s (R3).
const confirmMs = 1_500;
const noAnswer = { kind: 'unavailable' } as const;

/** Asks the vault about what is open, where a revocation may have been missed while nothing was heard. */
export class ConfirmLeases {
  constructor(
    private readonly vault: Pick<VaultClient, 'exchange'>,
    private readonly leases: Leases,
  ) {}

  /** `failClosed`: without an answer a lease ends. Stops where `isWanted` no longer. */
  async confirmAll(failClosed: boolean, isWanted: () => boolean): Promise<void> {
    const pending = this.leases.watched().values();
    const worker = async () => {
      for (const lease of pending) if (isWanted()) await this.#confirm(lease, failClosed);
    };
    await Promise.all(Array.from({ length: atOnce }, worker));
  }

  async #confirm(lease: Lease, failClosed: boolean): Promise<void> {
    const { use, scopes, clientInfoName, grantId } = lease.terms;
    const { token: subjectToken } = lease;
    if (subjectToken === undefined) return;
    const asked = this.vault.exchange({
      ...{ subjectToken, audience: use.upstream, scopes, clientInfoName },
      interaction: 'none',
    });
    const outcome = await (failClosed ? Promise.race([asked, sleep(confirmMs, noAnswer)]) : asked);
    if (outcome.kind === 'unavailable' && !failClosed) return;
    const stands = outcome.kind === 'token' && outcome.token.grant_id === grantId;
    if (!stands) this.leases.end(lease.person, (other) => other === lease);
  }
}
