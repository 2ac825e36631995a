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
  | 'http.call'
  | 'http.failed'
  | 'mcp.call'
  | 'mcp.failed'
  | 'readiness.failed'
  | 'framework.said'
  | 'framework.complained';

export type GatewayLogger = Logger<GatewayEvent>;
