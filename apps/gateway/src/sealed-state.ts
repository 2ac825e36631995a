import { createHmac, hkdfSync } from 'node:crypto';
import {
  keyIdOf,
  openMessage,
  sealMessage,
  SealBroken,
  type MessageKey,
} from '#lib/sealing/message';

/**
 * State that the gateway hands to clients and takes back. All replicas have the same keys (HKDFs of the
 * gateway's private JWK); a message is bound to its purpose, this gateway and the route it was made for.
 */
export class StateSealer {
  /** The first key seals, all open: a key can be rotated without losing open sessions. */
  constructor(
    private readonly keys: readonly [MessageKey, ...MessageKey[]],
    private readonly gatewayId: string,
    /** Of several processes that share a port: whether the one that keeps what belongs to this text is this one. */
    private readonly keeps: (text: string) => boolean = () => true,
  ) {}

  seal(purpose: string, route: string, value: unknown): string {
    const plaintext = Buffer.from(JSON.stringify(value), 'utf8');
    return sealMessage(this.keys[0], this.#context(purpose, route), plaintext).toString(
      'base64url',
    );
  }

  /** As `seal`; what belongs to the text will be kept by this process. */
  sealKept(purpose: string, route: string, value: unknown): string {
    for (;;) {
      // No two are alike; of so many processes, as many are made until one is ours.
      const text = this.seal(purpose, route, value);
      if (this.keeps(text)) return text;
    }
  }

  /** Throws `SealBroken` for anything that this gateway did not seal for this purpose and route. */
  open(purpose: string, route: string, text: string): unknown {
    const message = Buffer.from(text, 'base64url');
    // Node decodes base64url leniently: only the one canonical spelling is ours.
    if (message.toString('base64url') !== text) throw new SealBroken('not canonical base64url');
    const id = keyIdOf(message);
    const key = this.keys.find((candidate) => candidate.id.equals(id));
    if (key === undefined) throw new SealBroken('sealed by an unknown key');
    return JSON.parse(openMessage(key, this.#context(purpose, route), message).toString('utf8'));
  }

  /** What nobody but this gateway can say of `text` for this purpose and route; the same each time, by each key. */
  tags(purpose: string, route: string, text: string): readonly [string, ...string[]] {
    const message = JSON.stringify([...this.#context(purpose, route), text]);
    const [first, ...others] = this.keys;
    return [tagBy(first, message), ...others.map((key) => tagBy(key, message))];
  }

  #context(purpose: string, route: string): string[] {
    return ['gateway-state', purpose, this.gatewayId, route];
  }
}

// Not with the key itself: that one encrypts.
function tagBy({ key }: MessageKey, message: string): string {
  const own = Buffer.from(hkdfSync('sha256', key, '', 'gateway-state tag', 32));
  return createHmac('sha256', own).update(message).digest('base64url').slice(0, 22);
}
