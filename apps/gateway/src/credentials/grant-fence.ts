import type { VaultEvent } from '#lib/contract/events';

type GrantEvent = Extract<VaultEvent, { type: 'grant' }>;

const remembered = 50_000;

/** What events have already said of grants: an exchange answer from before that is discarded. */
export class GrantFence {
  readonly #seen = new Map<string, { version: number; ended: boolean }>();

  see({ grantId, version, status }: GrantEvent): void {
    const before = this.#seen.get(grantId);
    if (before && before.version > version) return;
    this.#seen.delete(grantId);
    this.#seen.set(grantId, { version, ended: status === 'revoked' || status === 'needs_consent' });
    if (this.#seen.size <= remembered) return;
    for (const oldest of this.#seen.keys()) {
      this.#seen.delete(oldest);
      return;
    }
  }

  isOutdated(grantId: string | undefined, version: number | undefined): boolean {
    const seen = grantId === undefined ? undefined : this.#seen.get(grantId);
    if (seen === undefined || version === undefined) return false;
    return seen.ended ? version <= seen.version : version < seen.version;
  }
}
