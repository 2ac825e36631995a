import { fastify } from 'fastify';
import { expect, it } from 'vitest';
import { countRequests } from './count-requests.js';
import { createMetrics } from './metrics.js';

it('counts answers by the pattern of their route, so that no path, id or secret becomes a label', async () => {
  const registry = createMetrics('vault');
  const app = fastify();
  countRequests(app, registry);
  app.get('/connect/:link', (_request, reply) => reply.code(204).send());
  await app.inject('/connect/one-secret');
  await app.inject('/connect/another-secret');
  await app.inject('/nowhere');
  const text = await registry.metrics();
  expect(text).toContain(
    'symbolon_http_requests_total{method="GET",route="/connect/:link",status="204",app="vault"} 2',
  );
  expect(text).toContain('route="none",status="404",app="vault"} 1');
  expect(text).not.toContain('secret');
  await app.close();
});
