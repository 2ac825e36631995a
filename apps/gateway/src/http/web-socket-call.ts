import type { IncomingHttpHeaders } from 'node:http';
import type { Duplex } from 'node:stream';
import type { Dispatcher } from 'undici';
import type { BorrowedCredential } from '../credentials/credentials.js';
import { HttpCall } from './http-call.js';
import { notThisHandshake } from './refusals.js';
import { acceptedHead, handshakeHeaders, joinSockets } from './web-socket.js';

/**
 * A WebSocket on its way: a call like any other until the upstream agrees, then two connections joined byte by byte. Where
 * it does not agree, its answer comes back like any other.
 */
export class WebSocketCall extends HttpCall {
  protected override readonly upgrade = 'websocket';

  protected override headers(credential: BorrowedCredential): string[] {
    return [...super.headers(credential), ...handshakeHeaders(this.request.headers)];
  }

  onRequestUpgrade(
    _controller: Dispatcher.DispatchController,
    status: number,
    headers: IncomingHttpHeaders,
    upstream: Duplex,
  ): void {
    this.answeredWith(status);
    upstream.on('error', () => undefined);
    const head = acceptedHead(this.request.headers, headers);
    if (this.ended || head === undefined) {
      upstream.destroy();
      if (!this.ended) this.refuse(notThisHandshake);
      return;
    }
    this.response.writeHead(101, [...head, ...(this.exchange.rateFields ?? [])]);
    this.response.flushHeaders();
    this.#join(upstream);
  }

  #join(upstream: Duplex): void {
    const { socket: client } = this.request;
    const { clock, silenceMs } = this.deps;
    const end = (): void => {
      upstream.destroy();
      client.destroy();
    };
    joinSockets(client, upstream);
    client.setTimeout(silenceMs, end);
    this.open.watch(this.credential?.revocation, end, this.admitted.token);
    this.open.expireIn(this.admitted.caller.expiresAt - clock.now(), end);
  }
}
