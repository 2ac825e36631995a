import { borrow } from '../mcp/borrow.js';
import type { McpDeps } from '../mcp/mcp-call.js';
import type { JsonObject } from '../mcp/message.js';
import { callAt, type FederatedCall } from './federated-call.js';
import type { JoinedUpstreams } from './joined-upstreams.js';
import type { PeerCall } from './peer.js';
import type { Peers } from './peers.js';

/** The sessions that one client's session has open at legacy upstreams, all at once. */
export class LegacySessions {
  constructor(
    private readonly deps: McpDeps,
    private readonly joined: JoinedUpstreams,
    private readonly peers: Peers,
  ) {}

  async notifyAll(call: FederatedCall, method: string, params: JsonObject): Promise<void> {
    await this.#each(call, (at) => this.peers.legacy.notify(at, method, params));
  }

  async endAll(call: FederatedCall): Promise<void> {
    await this.#each(call, (at) => this.peers.legacy.end(at));
  }

  /** Only where a session is open; what one upstream makes of it is nothing to the others. */
  async #each(call: FederatedCall, tell: (at: PeerCall) => Promise<void>): Promise<void> {
    const told = this.joined.visible(call.caller).map(async ({ upstream }) => {
      const at = callAt(call, upstream);
      if (!this.peers.legacy.isOpen(at, call.client)) return;
      const credential = await borrow(this.deps, at, { interaction: 'none' });
      if (credential.kind === 'credential')
        await tell({ call: at, client: call.client, credential });
    });
    await Promise.allSettled(told);
  }
}
