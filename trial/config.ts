import { join, resolve } from 'node:path';
import { z } from 'zod';
import { readEnvironment } from '#lib/config/environment';
import { logLevel } from '#lib/config/settings';

// What browsers open; the Fetch standard blocks these ports, wherever they are.
const opened = [0, 100, 200, 300, 400, 401, 402];
const blockedByBrowsers = new Set([
  ...[1719, 1720, 1723, 2049, 3659, 4045, 4190, 5060, 5061, 6000, 6566],
  ...[6665, 6666, 6667, 6668, 6669, 6679, 6697, 10_080],
]);

const portBase = z.coerce
  .number()
  .int()
  .min(1024)
  .max(65_000)
  .refine((base) => !opened.some((offset) => blockedByBrowsers.has(base + offset)), {
    message: 'puts a page on a port that browsers refuse to open; choose another, such as 5000',
  })
  .default(4000);

const trialSettings = z.object({
  SYMBOLON_PORT_BASE: portBase,
  SYMBOLON_STATE_DIR: z.string().default('.symbolon'),
  SYMBOLON_ADMIN_TOKEN: z.string().min(32).optional(),
  SYMBOLON_TRIAL_TOKEN_TTL: z.coerce.number().int().min(2).max(86_400).default(120),
  SYMBOLON_TRIAL_VAULT_HOST: z.enum(['127.0.0.1', 'localhost']).default('127.0.0.1'),
  SYMBOLON_TRIAL_PIECES: z.string().optional(),
  SYMBOLON_LOG_LEVEL: logLevel,
});

export interface TrialConfig {
  readonly portBase: number;
  readonly stateDir: string;
  readonly adminToken: string | undefined;
  /** Lifetime of an upstream access token in seconds. */
  readonly tokenTtl: number;
  readonly vaultHost: '127.0.0.1' | 'localhost';
  /** The only pieces to start, beside Postgres; undefined: all. */
  readonly only: readonly string[] | undefined;
  readonly logLevel: z.output<typeof logLevel>;
  /** What every process of the trial inherits: the environment without settings of Symbolon. */
  readonly inherited: Readonly<Record<string, string>>;
}

/** Throws a ConfigurationError that lists everything that is wrong. */
export function readTrialConfig(
  environment: Readonly<Record<string, string | undefined>> = process.env,
): TrialConfig {
  const settings = readEnvironment(trialSettings, environment);
  return {
    portBase: settings.SYMBOLON_PORT_BASE,
    stateDir: resolve(settings.SYMBOLON_STATE_DIR),
    adminToken: settings.SYMBOLON_ADMIN_TOKEN,
    tokenTtl: settings.SYMBOLON_TRIAL_TOKEN_TTL,
    vaultHost: settings.SYMBOLON_TRIAL_VAULT_HOST,
    only: settings.SYMBOLON_TRIAL_PIECES?.split(','),
    logLevel: settings.SYMBOLON_LOG_LEVEL,
    inherited: Object.fromEntries(
      Object.entries(environment).flatMap(([name, value]) =>
        value === undefined || name.startsWith('SYMBOLON_') ? [] : [[name, value]],
      ),
    ),
  };
}

/** Where the running supervisor says how it can be reached. */
export function controlFile(stateDir: string): string {
  return join(stateDir, 'run', 'control.json');
}
