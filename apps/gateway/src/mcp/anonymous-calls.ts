import type { Clock } from '#lib/clock/clock';

const mostOpen = 16;
const perSecond = 10;
const burst = 60;
const mostPeers = 10_000;
const forgotten = 1_000;

interface Peer {
  open: number;
  /** Calls that may begin now; refilled as time passes. */
  left: number;
  atMs: number;
}

/** Calls without a token, bounded by where they come from: there is nobody else to hold them against. */
export class AnonymousCalls {
  readonly #peers = new Map<string, Peer>();

  constructor(private readonly clock: Pick<Clock, 'monotonicMs'>) {}

  /** 0: the call may begin, and `leave` must follow. Else the seconds after which another may. */
  enter(address: string): number {
    const peer = this.#refilled(address);
    if (peer.open >= mostOpen) return 1;
    if (peer.left < 1) return Math.ceil((1 - peer.left) / perSecond);
    peer.left -= 1;
    peer.open += 1;
    return 0;
  }

  /** How many addresses are remembered. */
  get size(): number {
    return this.#peers.size;
  }

  leave(address: string): void {
    const peer = this.#peers.get(address);
    if (peer !== undefined) peer.open -= 1;
  }

  #refilled(address: string): Peer {
    const now = this.clock.monotonicMs();
    const known = this.#peers.get(address);
    if (known !== undefined) {
      known.left = Math.min(burst, known.left + ((now - known.atMs) / 1000) * perSecond);
      known.atMs = now;
      return known;
    }
    const peer = { open: 0, left: burst, atMs: now };
    this.#makeRoom(now);
    this.#peers.set(address, peer);
    return peer;
  }

  /** Those who have nothing open and their whole allowance back are as if they had never been. */
  #makeRoom(now: number): void {
    if (this.#peers.size < mostPeers) return;
    for (const [address, peer] of this.#peers)
      if (peer.open === 0 && now - peer.atMs > (burst / perSecond) * 1000)
        this.#peers.delete(address);
    // A flood from everywhere: somebody forgets what they owe.
    for (const [address, { open }] of this.#peers) {
      if (this.#peers.size < mostPeers - forgotten) return;
      if (open === 0) this.#peers.delete(address);
    }
  }
}
