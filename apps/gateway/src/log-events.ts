import type { Logger } from '#lib/observability/logger';

/** Everything that the gateway logs. */
export type GatewayEvent =
  | 'gateway.started'
  | 'gateway.stopping'
  | 'gateway.stopped'
  | 'gateway.failed'
  | 'config.adopted'
  | 'config.unavailable'
  | 'events.connected'
  | 'events.ended'
  | 'credential.exchange-refused'
  | 'credential.exchange-unavailable'
  | 'credential.unusable'
  | 'caller.refused'
  | 'caller.refusals_omitted'
  | 'calls.shed'
  | 'decisions.not_reported'
  | 'decisions.report_failed'
  | 'circuit.opened'
  | 'circuit.closed'
  | 'http.call'
  | 'http.failed'
  | 'mcp.call'
  | 'mcp.failed'
  | 'readiness.failed'
  | 'tool.refused'
  | 'tools.not_reported'
  | 'tools.report_failed'
  | 'tracing.failed'
  | 'worker.started'
  | 'worker.ended'
  | 'framework.said'
  | 'framework.complained';

export type GatewayLogger = Logger<GatewayEvent>;
