import { Counter } from 'prom-client';
import { afterEach, expect, it } from 'vitest';
import { createMetrics, startMetricsServer, type MetricsServer } from './metrics.js';

let server: MetricsServer | undefined;
afterEach(() => server?.close());

it('serves the metrics of the app, its label and the event-loop delay', async () => {
  const registry = createMetrics('vault');
  new Counter({ name: 'symbolon_probe_total', help: 'A probe.', registers: [registry] }).inc();
  server = await startMetricsServer({ port: 0, registry });
  const response = await fetch(`http://127.0.0.1:${server.port}/metrics`);
  const text = await response.text();
  expect(response.headers.get('content-type')).toContain('text/plain');
  expect(text).toContain('symbolon_probe_total{app="vault"} 1');
  for (const which of ['p50', 'p99', 'max'])
    expect(text).toContain(`nodejs_eventloop_lag_${which}_seconds{app="vault"}`);
});

it('answers 404 to everything else', async () => {
  server = await startMetricsServer({ port: 0, registry: createMetrics('vault') });
  const address = `http://127.0.0.1:${server.port}`;
  expect((await fetch(`${address}/`)).status).toBe(404);
  expect((await fetch(`${address}/metrics`, { method: 'POST' })).status).toBe(404);
});

it('says so when its port is taken', async () => {
  const registry = createMetrics('vault');
  server = await startMetricsServer({ port: 0, registry });
  await expect(startMetricsServer({ port: server.port, registry })).rejects.toThrow('EADDRINUSE');
});

it('keeps the registries of two apps in one process apart', async () => {
  const [vault, gateway] = [createMetrics('vault'), createMetrics('gateway')];
  new Counter({ name: 'symbolon_probe_total', help: 'A probe.', registers: [vault] });
  expect(await gateway.metrics()).not.toContain('symbolon_probe_total');
});
