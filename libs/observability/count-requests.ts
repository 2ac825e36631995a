import type { FastifyInstance } from 'fastify';
import { Counter, type Registry } from 'prom-client';

/** Counts every answer as `symbolon_http_requests_total` by method, route pattern (never the path) and status. */
export function countRequests(fastify: FastifyInstance, registry: Registry): void {
  const requests = new Counter({
    name: 'symbolon_http_requests_total',
    help: 'HTTP requests answered, by route.',
    labelNames: ['method', 'route', 'status'],
    registers: [registry],
  });
  fastify.addHook('onResponse', (request, reply, done) => {
    const route = request.routeOptions.url ?? 'none';
    requests.inc({ method: request.method, route, status: reply.statusCode });
    done();
  });
}
