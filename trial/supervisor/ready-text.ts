import type { Addresses } from './addresses.js';

/** What a stranger reads when all is ready: one line to act on, then where everything is. */
export function readyText(at: Addresses, stateDir: string, hasTour: boolean): string {
  const first = hasTour
    ? `Ready. Open ${at.tour} and take the tour.`
    : `Ready. Open ${at.vault}/connections and sign in as alice (password: alice).`;
  const rows: readonly (readonly [string, string])[] = [
    ['gateway, one MCP server', `${at.gateway}/mcp/snowdemo`],
    ['gateway, all of them', `${at.gateway}/mcp`],
    ['gateway, HTTP', `${at.gateway}/http/reports/reports`],
    ['vault', `${at.vault}/connections · ${at.vault}/docs`],
    ['corporate IdP', `${at.corporateIdp}   alice, bob (the password is the name)`],
    ['upstream IdP', `${at.upstreamIdp}   alice@upstream, bob@upstream (the same)`],
    ['demo MCP server', at.snowdemo],
    ['demo HTTP API', at.reports],
    ['demo helpdesk', `${at.helpdesk}/mcp   its access tokens: ${at.helpdesk}/tokens`],
    ...(hasTour ? [['tour', at.tour] as const] : []),
    ['data, logs, admin token', stateDir],
  ];
  const width = Math.max(...rows.map(([name]) => name.length));
  const snowdemo = `${at.gateway}/mcp/snowdemo`;
  return [
    '',
    first,
    '',
    ...rows.map(([name, value]) => `  ${name.padEnd(width)}  ${value}`),
    '',
    '  Use it from a client of yours:',
    `    claude mcp add --transport http snowdemo ${snowdemo}`,
    `    code --add-mcp '${JSON.stringify({ name: 'snowdemo', type: 'http', url: snowdemo })}'`,
    `    npx @modelcontextprotocol/inspector --transport http --server-url ${snowdemo}`,
    '  All servers at one address, and one that is connected as you sign in:',
    `    claude mcp add --transport http symbolon ${at.gateway}/mcp`,
    `    claude mcp add --transport http snowdemo-signin ${snowdemo}-signin`,
    '',
    '  npm run trial -- status · npm run trial -- restart vault · Ctrl-C stops all.',
    '',
  ].join('\n');
}
