/** Ports and URLs of the trial, all derived from one base. */
export interface Addresses {
  readonly ports: Readonly<Record<PortName, number>>;
  readonly gateway: string;
  readonly vault: string;
  readonly corporateIdp: string;
  readonly upstreamIdp: string;
  readonly snowdemo: string;
  readonly reports: string;
  readonly helpdesk: string;
  readonly tour: string;
}

const offsets = {
  gateway: 0,
  Postgres: 32,
  'gateway metrics': 90,
  vault: 100,
  'vault metrics': 190,
  'corporate IdP': 200,
  'upstream IdP': 300,
  'demo MCP server': 400,
  'demo HTTP API': 401,
  tour: 402,
} as const;

export type PortName = keyof typeof offsets;

export function addressesOf(base: number, vaultHost: string): Addresses {
  const ports = Object.fromEntries(
    Object.entries(offsets).map(([name, offset]) => [name, base + offset]),
  ) as Record<PortName, number>;
  const at = (name: PortName, host = '127.0.0.1') => `http://${host}:${ports[name]}`;
  return {
    ports,
    gateway: at('gateway'),
    vault: at('vault', vaultHost),
    corporateIdp: at('corporate IdP'),
    upstreamIdp: at('upstream IdP'),
    snowdemo: `${at('demo MCP server')}/mcp`,
    reports: at('demo HTTP API'),
    helpdesk: `${at('demo HTTP API')}/helpdesk`,
    tour: at('tour'),
  };
}
