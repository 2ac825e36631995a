import { join } from 'node:path';
import { controlFile } from '../config.js';
import type { TrialConfig } from '../config.js';
import type { DemoConfig } from '../demo/demo-config.js';
import type { IdpConfig } from '../idp/idp-config.js';
import type { TourConfig } from '../tour/tour-config.js';
import type { Addresses } from './addresses.js';
import type { TrialSecrets } from './trial-secrets.js';

/** Registers clients, signs for the gateway's URLs and for the vault's admin API. */
export function corporateIdp(config: TrialConfig, at: Addresses, secrets: TrialSecrets): IdpConfig {
  const confidential = (id: string, name: string, secret: string, redirects: string[]) => ({
    client_id: id,
    client_name: name,
    client_secret: secret,
    redirect_uris: redirects,
    grant_types: ['authorization_code', 'refresh_token'],
  });
  return {
    kind: 'corporate',
    port: at.ports['corporate IdP'],
    issuer: at.corporateIdp,
    stateDir: join(config.stateDir, 'idp'),
    controlToken: secrets.controlToken,
    accessTokenTtl: 3600,
    resources: [
      { uri: at.gateway, scopes: ['mcp:use', 'helpdesk:write'] },
      { uri: `${at.gateway}/*`, scopes: ['mcp:use', 'helpdesk:write'] },
      { uri: `${at.vault}/admin`, scopes: ['vault:admin'] },
    ],
    firstParty: ['symbolon-vault', 'symbolon-tour'],
    clients: [
      confidential('symbolon-vault', 'Symbolon', secrets.loginClientSecret, [
        `${at.vault}/login/callback`,
      ]),
      confidential('symbolon-tour', 'Symbolon tour', secrets.tourClientSecret, [
        `${at.tour}/callback`,
        `${at.tour}/second/callback`,
      ]),
    ],
  };
}

/** Signs for the two demo services only; the vault is its one client. */
export function upstreamIdp(config: TrialConfig, at: Addresses, secrets: TrialSecrets): IdpConfig {
  return {
    kind: 'upstream',
    port: at.ports['upstream IdP'],
    issuer: at.upstreamIdp,
    stateDir: join(config.stateDir, 'idp'),
    controlToken: secrets.controlToken,
    accessTokenTtl: config.tokenTtl,
    resources: [
      { uri: at.snowdemo, scopes: ['warehouse:read', 'query:run'] },
      { uri: at.reports, scopes: ['reports:read'] },
    ],
    firstParty: [],
    clients: [
      {
        client_id: 'symbolon',
        client_name: 'Symbolon (corporate vault)',
        client_secret: secrets.upstreamClientSecret,
        redirect_uris: [`${at.vault}/callback/upstream-idp`],
        grant_types: ['authorization_code', 'refresh_token'],
      },
    ],
  };
}

/** A demo service, which trusts the upstream provider alone. */
export function demoService(
  kind: DemoConfig['kind'],
  port: number,
  resource: string,
  at: Addresses,
  secrets: TrialSecrets,
): DemoConfig {
  return { kind, port, resource, issuer: at.upstreamIdp, controlToken: secrets.controlToken };
}

/** The tour: an application of the company's, which may also turn things off and look behind the scenes. */
export function tourService(
  { stateDir }: TrialConfig,
  at: Addresses,
  secrets: TrialSecrets,
  databaseUrl: string,
): TourConfig {
  return {
    port: at.ports.tour,
    origin: at.tour,
    gateway: at.gateway,
    vault: at.vault,
    vaultMetrics: `http://127.0.0.1:${at.ports['vault metrics']}`,
    corporateIdp: at.corporateIdp,
    upstreamIdp: at.upstreamIdp,
    snowdemo: at.snowdemo,
    helpdesk: at.helpdesk,
    clientId: 'symbolon-tour',
    clientSecret: secrets.tourClientSecret,
    adminToken: secrets.adminToken,
    controlToken: secrets.controlToken,
    controlFile: controlFile(stateDir),
    databaseUrl,
    logs: [join(stateDir, 'logs'), join(stateDir, 'postgres', 'postgres.log')],
  };
}
