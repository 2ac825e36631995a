import { availableParallelism } from 'node:os';
import { z } from 'zod';
import { ConfigurationError, readEnvironment } from '#lib/config/environment';
import {
  logLevel,
  mode,
  outboundAllow,
  port,
  publicUrl,
  publicUrlProblem,
  secret,
} from '#lib/config/settings';
import type { Mode } from '#lib/config/settings';
import { gatewayKeys, isTrialKey, type GatewayKeys } from './credentials/gateway-keys.js';
import type { SheddingLimits } from './shedding/load-shedding.js';

const origins = z
  .string()
  .default('')
  .transform((list) =>
    list
      .split(',')
      .map((entry) => entry.trim())
      .filter(Boolean),
  )
  .refine((list) => list.every((entry) => URL.canParse(entry) && new URL(entry).origin === entry), {
    message: 'must be origins such as https://app.example.com, comma separated',
  });

const workers = z
  .string()
  .default('1')
  .transform((value) => (value === 'auto' ? availableParallelism() : Number(value)))
  .refine((count) => Number.isInteger(count) && count >= 1 && count <= 64, {
    message: 'must be a number from 1 to 64, or auto',
  });

/** Every setting of the gateway, by the name of its environment variable. */
export const gatewaySettings = z.object({
  SYMBOLON_GATEWAY_PUBLIC_URL: publicUrl.describe(
    'where clients reach the gateway; tokens are bound to it',
  ),
  SYMBOLON_GATEWAY_PORT: port.default(4000).describe('port it listens on'),
  SYMBOLON_GATEWAY_HOST: z.string().default('127.0.0.1').describe('address it listens on'),
  SYMBOLON_GATEWAY_ORIGINS: origins.describe(
    'browser origins allowed to call, comma separated; any other Origin is 403',
  ),
  SYMBOLON_VAULT_URL: publicUrl.describe('where this gateway reaches the vault'),
  SYMBOLON_GATEWAY_ID: z
    .string()
    .min(1)
    .describe("this gateway's slug among the vault's machine clients"),
  SYMBOLON_GATEWAY_KEY: secret.describe(
    'private JWK that proves who it is; or a JWKS: the first signs, all open',
  ),
  SYMBOLON_GATEWAY_MAX_STALENESS: z.coerce
    .number()
    .positive()
    .max(60)
    .default(3)
    .describe("seconds without the vault's heartbeat after which borrowed tokens no longer count"),
  SYMBOLON_GATEWAY_ELICITATION: z
    .enum(['helpful', 'strict'])
    .default('helpful')
    .describe(
      'clients without URL elicitation get the link in a tool result (helpful) or the error of their MCP revision (strict)',
    ),
  SYMBOLON_GATEWAY_SHED_DELAY_MS: z.coerce
    .number()
    .int()
    .min(0)
    .max(60_000)
    .default(100)
    .describe(
      'standing delay of the event loop in milliseconds above which a share of the calls is answered 503; 0: never',
    ),
  SYMBOLON_GATEWAY_MAX_CALLS: z.coerce
    .number()
    .int()
    .min(0)
    .default(10_000)
    .describe(
      'calls in flight per process, open streams among them, above which new ones are answered 503; 0: no bound',
    ),
  SYMBOLON_GATEWAY_UPSTREAM_CONNECTIONS: z.coerce
    .number()
    .int()
    .positive()
    .default(5_000)
    .describe(
      'connections per process to one upstream address, one for each call under way; a call beyond them is answered 503',
    ),
  SYMBOLON_GATEWAY_WORKERS: workers.describe(
    'processes that share the port, one per core at most; `auto`: as many as there are cores',
  ),
  SYMBOLON_MODE: mode,
  SYMBOLON_OUTBOUND_ALLOW: outboundAllow,
  SYMBOLON_LOG_LEVEL: logLevel,
  SYMBOLON_METRICS_PORT: port.default(4090).describe('port of the Prometheus metrics, on loopback'),
});

/** The gateway's configuration: validated, frozen, passed on in slices. */
export interface GatewayConfig {
  readonly publicUrl: string;
  readonly port: number;
  readonly host: string;
  readonly origins: readonly string[];
  readonly vaultUrl: string;
  readonly gatewayId: string;
  readonly keys: GatewayKeys;
  readonly maxStalenessMs: number;
  readonly strictElicitation: boolean;
  readonly shedding: SheddingLimits;
  readonly upstreamConnections: number;
  /** Processes that serve; 1: this one alone. */
  readonly workers: number;
  readonly mode: Mode;
  readonly outboundAllow: readonly string[];
  readonly logLevel: z.output<typeof logLevel>;
  readonly metricsPort: number;
}

type Settings = Readonly<z.output<typeof gatewaySettings>>;

/** Throws a ConfigurationError that lists everything that is wrong. */
export function readGatewayConfig(
  environment: Readonly<Record<string, string | undefined>>,
): GatewayConfig {
  const settings = readEnvironment(gatewaySettings, environment);
  const key = settings.SYMBOLON_GATEWAY_KEY.reveal();
  const keys = gatewayKeys(key);
  const problems = [
    prefixed(
      'SYMBOLON_GATEWAY_PUBLIC_URL',
      publicUrlProblem(settings.SYMBOLON_GATEWAY_PUBLIC_URL, settings.SYMBOLON_MODE),
    ),
    prefixed('SYMBOLON_VAULT_URL', vaultUrlProblem(settings)),
    prefixed(
      'SYMBOLON_GATEWAY_KEY',
      typeof keys === 'string' ? keys : trialKeyProblem(settings, key),
    ),
  ].filter((problem) => problem !== undefined);
  if (problems.length > 0 || typeof keys === 'string') throw new ConfigurationError(problems);
  return Object.freeze(configOf(settings, keys));
}

function configOf(settings: Settings, keys: GatewayKeys): GatewayConfig {
  return {
    publicUrl: settings.SYMBOLON_GATEWAY_PUBLIC_URL,
    port: settings.SYMBOLON_GATEWAY_PORT,
    host: settings.SYMBOLON_GATEWAY_HOST,
    origins: settings.SYMBOLON_GATEWAY_ORIGINS,
    vaultUrl: settings.SYMBOLON_VAULT_URL,
    gatewayId: settings.SYMBOLON_GATEWAY_ID,
    keys,
    maxStalenessMs: settings.SYMBOLON_GATEWAY_MAX_STALENESS * 1000,
    strictElicitation: settings.SYMBOLON_GATEWAY_ELICITATION === 'strict',
    shedding: {
      delayMs: settings.SYMBOLON_GATEWAY_SHED_DELAY_MS,
      calls: settings.SYMBOLON_GATEWAY_MAX_CALLS,
    },
    workers: settings.SYMBOLON_GATEWAY_WORKERS,
    upstreamConnections: settings.SYMBOLON_GATEWAY_UPSTREAM_CONNECTIONS,
    mode: settings.SYMBOLON_MODE,
    outboundAllow: settings.SYMBOLON_OUTBOUND_ALLOW,
    logLevel: settings.SYMBOLON_LOG_LEVEL,
    metricsPort: settings.SYMBOLON_METRICS_PORT,
  };
}

// Callers' tokens and borrowed ones travel on this connection.
function vaultUrlProblem(settings: Settings): string | undefined {
  const url = new URL(settings.SYMBOLON_VAULT_URL);
  if (settings.SYMBOLON_MODE === 'development' || url.protocol === 'https:') return undefined;
  const entry = `${url.protocol}//${url.hostname}:${url.port || '80'}`;
  if (settings.SYMBOLON_OUTBOUND_ALLOW.includes(entry)) return undefined;
  return `must be https in production, or ${entry} must stand in SYMBOLON_OUTBOUND_ALLOW`;
}

function trialKeyProblem(settings: Settings, key: string): string | undefined {
  if (settings.SYMBOLON_MODE !== 'production' || !isTrialKey(key)) return undefined;
  return 'is a key of the trial stack; make one of your own for production';
}

function prefixed(name: string, problem: string | undefined): string | undefined {
  return problem === undefined ? undefined : `${name}: ${problem}`;
}
