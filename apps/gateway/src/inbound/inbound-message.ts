import { IncomingMessage } from 'node:http';

/**
 * A request as the server reads it. Node gives every request with an `Upgrade` header to whoever takes upgrades;
 * only WebSocket handshakes for an HTTP upstream are such, everything else (h2c of Java clients) is an ordinary request.
 */
export class InboundMessage extends IncomingMessage {
  // Set by the base class before any field of this one is there.
  declare private asked: boolean | null;

  get upgrade(): boolean {
    if (this.asked !== true) return false;
    if (this.method === 'CONNECT') return true;
    const { method, url = '', headers } = this;
    return (
      method === 'GET' && url.startsWith('/http/') && headers.upgrade?.toLowerCase() === 'websocket'
    );
  }

  set upgrade(asked: boolean | null) {
    this.asked = asked;
  }
}
