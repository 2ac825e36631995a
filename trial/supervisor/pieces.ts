import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { TrialConfig } from '../config.js';
import type { DemoConfig } from '../demo/demo-config.js';
import type { IdpConfig } from '../idp/idp-config.js';
import type { TourConfig } from '../tour/tour-config.js';
import type { Addresses } from './addresses.js';
import type { PieceSpec } from './piece.js';
import { corporateIdp, demoService, tourService, upstreamIdp } from './service-configs.js';
import type { TrialSecrets } from './trial-secrets.js';

/** The slug under which the gateway is registered at the vault. */
export const gatewaySlug = 'trial-gateway';

/** Where the compiled program stands: this file is dist/trial/supervisor/pieces.js. */
const dist = join(dirname(fileURLToPath(import.meta.url)), '..', '..');

/** What the pieces of one trial have in common. */
interface Plan {
  readonly config: TrialConfig;
  readonly at: Addresses;
  readonly secrets: TrialSecrets;
}

export interface TrialDatabase {
  /** Of the owner: for migrations, and for the tour's look into the tables. */
  readonly ownerUrl: string;
  readonly vaultUrl: string;
}

/** The processes of the trial but Postgres. */
export async function pieceSpecs(
  plan: Plan,
  database: TrialDatabase,
): Promise<readonly PieceSpec[]> {
  const { config, at, secrets } = plan;
  for (const folder of ['logs', 'run']) {
    await mkdir(join(config.stateDir, folder), { recursive: true, mode: 0o700 });
  }
  return [
    await idpPiece(config, corporateIdp(config, at, secrets)),
    await idpPiece(config, upstreamIdp(config, at, secrets)),
    piece(
      config,
      'vault',
      ['apps/vault/src/main.js'],
      `${at.vault}/readyz`,
      vaultEnv(plan, database.vaultUrl),
    ),
    await demoPiece(
      config,
      'snowdemo',
      demoService('mcp', at.ports['demo MCP server'], at.snowdemo, at, secrets),
    ),
    await demoPiece(
      config,
      'reports',
      demoService('http', at.ports['demo HTTP API'], at.reports, at, secrets),
    ),
    piece(
      config,
      'gateway',
      ['apps/gateway/src/main.js'],
      `${at.gateway}/readyz`,
      gatewayEnv(plan),
    ),
    await tourPiece(config, tourService(config, at, secrets, database.ownerUrl)),
  ];
}

function piece(
  { inherited, stateDir }: TrialConfig,
  name: string,
  [program, ...args]: readonly [string, ...string[]],
  readyUrl: string,
  env: Record<string, string> = {},
): PieceSpec {
  return {
    name,
    script: [join(dist, program), ...args],
    env: { ...inherited, ...env },
    logFile: join(stateDir, 'logs', `${name}.log`),
    readyUrl,
  };
}

async function idpPiece(config: TrialConfig, content: IdpConfig): Promise<PieceSpec> {
  const name = `${content.kind}-idp`;
  const file = await configFile(config, name, content);
  const ready = `${content.issuer}/.well-known/openid-configuration`;
  return piece(config, name, ['trial/idp/main.js', file], ready);
}

async function demoPiece(
  config: TrialConfig,
  name: string,
  content: DemoConfig,
): Promise<PieceSpec> {
  const file = await configFile(config, name, content);
  const { origin, pathname } = new URL(content.resource);
  const path = pathname === '/' ? '' : pathname;
  const ready = `${origin}/.well-known/oauth-protected-resource${path}`;
  return piece(config, name, ['trial/demo/main.js', file], ready);
}

async function tourPiece(config: TrialConfig, content: TourConfig): Promise<PieceSpec> {
  const file = await configFile(config, 'tour', content);
  return piece(config, 'tour', ['trial/tour/main.js', file], `${content.origin}/healthz`);
}

async function configFile(
  { stateDir }: TrialConfig,
  name: string,
  content: IdpConfig | DemoConfig | TourConfig,
): Promise<string> {
  const file = join(stateDir, 'run', `${name}.json`);
  await writeFile(file, JSON.stringify(content, undefined, 2), { mode: 0o600 });
  return file;
}

function vaultEnv({ config, at, secrets }: Plan, databaseUrl: string): Record<string, string> {
  return {
    SYMBOLON_MODE: 'development',
    SYMBOLON_VAULT_PUBLIC_URL: at.vault,
    SYMBOLON_VAULT_HOST: '127.0.0.1',
    SYMBOLON_VAULT_PORT: String(at.ports.vault),
    SYMBOLON_DATABASE_URL: databaseUrl,
    SYMBOLON_KEYRING: `file:${secrets.keyringFile}`,
    SYMBOLON_ADMIN_TOKEN_FILE: secrets.adminTokenFile,
    SYMBOLON_METRICS_PORT: String(at.ports['vault metrics']),
    SYMBOLON_LOG_LEVEL: config.logLevel,
  };
}

function gatewayEnv({ config, at, secrets }: Plan): Record<string, string> {
  return {
    SYMBOLON_MODE: 'development',
    SYMBOLON_GATEWAY_PUBLIC_URL: at.gateway,
    SYMBOLON_GATEWAY_HOST: '127.0.0.1',
    SYMBOLON_GATEWAY_PORT: String(at.ports.gateway),
    SYMBOLON_VAULT_URL: at.vault,
    SYMBOLON_GATEWAY_ID: gatewaySlug,
    SYMBOLON_GATEWAY_KEY_FILE: secrets.gatewayKeyFile,
    SYMBOLON_METRICS_PORT: String(at.ports['gateway metrics']),
    SYMBOLON_LOG_LEVEL: config.logLevel,
  };
}

/** Runs to its end before anything else starts. */
export const migrationScript = join(dist, 'migrations', 'main.js');
