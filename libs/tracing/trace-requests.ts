import type { FastifyInstance } from 'fastify';
import type { Tracing } from './tracing.js';

/** Who probes asks every few seconds, and wants to see nothing of it. */
const probes: ReadonlySet<string> = new Set(['/healthz', '/readyz']);
/** nginx's, as in the log: the client left before there was an answer. */
const clientLeft = 499;

/** A span for each request by its method and route pattern (never the path); what is done for it is done within. */
export function traceRequests(fastify: FastifyInstance, tracing: Pick<Tracing, 'begin'>): void {
  fastify.addHook('onRequest', (request, { raw }, done) => {
    const { method, headers, id } = request;
    const route = request.routeOptions.url ?? 'none';
    if (probes.has(route)) return done();
    const span = tracing.begin({
      kind: 'server',
      name: `${method} ${route}`,
      headers,
      attributes: {
        'http.request.method': method,
        'http.route': route,
        'symbolon.request_id': id,
      },
    });
    // Fastify's own hook hears nothing of answers that are cut off, or not its.
    raw.once('close', () => span.answered(raw.headersSent ? raw.statusCode : clientLeft));
    span.within(done);
  });
}
