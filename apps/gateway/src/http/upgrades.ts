import { ServerResponse, type IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { FastifyInstance } from 'fastify';
import { createRequestId } from '#lib/observability/request-id';
import type { Refusal } from '../inbound/inbound.js';
import type { RawExchange } from './http-exchange.js';
import { refusalProblem, writeProblem } from './refusals.js';

interface Door {
  refuseMalformed(request: IncomingMessage): Refusal | undefined;
  serve(exchange: RawExchange): void;
}

/**
 * WebSocket handshakes, which node:http hands over as bare connections. Each gets a response like any other request,
 * whose end is the connection's: bytes that came behind a handshake are frames or nothing, never a second request (row 23).
 */
export function acceptUpgrades(fastify: FastifyInstance, door: Door): void {
  const open = new Set<Duplex>();
  fastify.server.on('upgrade', (request, socket, head) => {
    open.add(socket);
    socket.once('close', () => open.delete(socket));
    socket.on('error', () => undefined);
    const requestId = createRequestId();
    const response = responseOn(socket as Socket, request);
    const malformed = door.refuseMalformed(request);
    if (malformed !== undefined)
      return writeProblem(response, refusalProblem(malformed), requestId);
    if (head.length > 0) socket.unshift(head);
    door.serve({ request, response, requestId });
  });
  // They are no longer among the server's connections, which would wait for them for ever.
  fastify.addHook('preClose', (done) => {
    for (const socket of open) socket.destroy();
    done();
  });
}

function responseOn(socket: Socket, request: IncomingMessage): ServerResponse {
  const response = new ServerResponse(request);
  response.shouldKeepAlive = false;
  response.assignSocket(socket);
  response.once('finish', () => socket.destroySoon());
  return response;
}
