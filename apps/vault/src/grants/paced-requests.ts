import type { Provider, ProviderFailure, Providers, TokenResult } from '../providers/provider.js';
import type { RequestSlots, Slot } from '../providers/request-slots.js';
import type { OAuthClient } from '../registry/domain/oauth-client.js';
import type { Stored } from '../registry/registry-snapshot.js';
import type { ProviderCircuits } from './provider-circuits.js';
import type { RefreshPolicies } from './refresh-policies.js';

export interface PacedRequestsParts {
  readonly providers: Providers;
  readonly slots: Pick<RequestSlots, 'take' | 'takeProbe'>;
  readonly circuits: Pick<ProviderCircuits, 'isOpen' | 'failed' | 'answered'>;
  readonly policies: RefreshPolicies;
}

// Longer than the request itself may take, somebody else waits for nothing.
const patienceMs = 5_000;

/**
 * Token requests that are no refresh of a grant, in their turn: within what the provider takes at once over all
 * replicas, and while it fails only one at a time.
 */
export class PacedRequests {
  constructor(private readonly parts: PacedRequestsParts) {}

  async ask(
    client: Stored<OAuthClient>,
    request: (provider: Provider) => Promise<TokenResult>,
  ): Promise<TokenResult> {
    const slot = await this.#slotFor(client.id);
    if (slot === undefined) return noRoom;
    try {
      const result = await request(this.parts.providers.of(client));
      await this.#learn(client.id, result);
      return result;
    } finally {
      await slot.release();
    }
  }

  async #learn(id: string, result: TokenResult): Promise<void> {
    const { circuits } = this.parts;
    // A subject token that is not taken says nothing against the provider.
    if (result.ok || result.code === 'invalid_grant') await circuits.answered(id);
    else await circuits.failed(id, result);
  }

  #slotFor(id: string): Promise<Slot | undefined> {
    const { circuits, policies, slots } = this.parts;
    const room = { id, limit: policies.of(id).maxConcurrentRequests };
    return circuits.isOpen(id) ? slots.takeProbe(room) : slots.take(room, patienceMs);
  }
}

const noRoom: ProviderFailure = {
  ok: false,
  code: 'transient',
  detail: 'as many requests are in flight as the provider takes now',
  retryAfterSeconds: 2,
};
