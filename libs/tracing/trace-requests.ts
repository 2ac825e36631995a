import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { OpenSpan, Tracing } from './tracing.js';

/** Who probes asks every few seconds, and wants to see nothing of it. */
const probes: ReadonlySet<string> = new Set(['/healthz', '/readyz']);

/** A span for each request by its method and route pattern (never the path); what is done for it is done within. */
export function traceRequests(fastify: FastifyInstance, tracing: Pick<Tracing, 'begin'>): void {
  const open = new WeakMap<FastifyRequest, OpenSpan>();
  fastify.addHook('onRequest', (request, _reply, done) => {
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
    open.set(request, span);
    span.within(done);
  });
  fastify.addHook('onResponse', (request, reply, done) => {
    const span = open.get(request);
    const { statusCode: status } = reply;
    span?.set({ 'http.response.status_code': status });
    span?.end(status >= 500 ? String(status) : undefined);
    done();
  });
}
