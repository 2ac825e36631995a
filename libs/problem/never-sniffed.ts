import type { FastifyInstance } from 'fastify';

/** No browser takes an answer of ours for another type than it says (Fetch §3.6). What is hijacked sets its own headers. */
export function neverSniffed(fastify: FastifyInstance): void {
  fastify.addHook('onSend', (_request, reply, payload, done) => {
    reply.header('x-content-type-options', 'nosniff');
    done(null, payload);
  });
}
