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
import type { Secret } from '#lib/secret/secret';
import type { CrashPointName } from './database/crash-point.js';
import type { IdleTimes } from './grants/refresh-policies.js';
import { readBootstrapFile } from './registry/bootstrap-file.js';
import type { ChangeRequest } from './registry/change-request.js';
import type { BootstrapDocument } from './registry/secret-references.js';
import { type KeyEncryptionKey, KeyRingUnusable } from './sealing/key-encryption-key.js';
import { readKeyRing } from './sealing/read-key-ring.js';
import { vaultTransitSettings } from './sealing/vault-transit-login.js';

const databaseUrl = z
  .string('is required: the Postgres database, postgres://user:password@host/name')
  .refine((value) => URL.canParse(value) && /^postgres(ql)?:$/.test(new URL(value).protocol), {
    message: 'must be a URL such as postgres://user:password@host/name',
  })
  .describe('Postgres 15 or newer');

// 32 random bytes are 43 characters of base64url; hexadecimal takes 64.
const adminToken = secret.refine((value) => value.reveal().length >= 32, {
  message: 'must be at least 32 characters of randomness, such as `openssl rand -base64 32` prints',
});

const days = z.coerce.number().int().min(1).max(3650);

const yes = z.enum(['true', 'false']).default('false');

const crashPoints: readonly CrashPointName[] = [
  'before-consent-post',
  'after-token-answer',
  'after-commit',
  'refresh-after-intent',
  'refresh-after-token-answer',
  'refresh-after-commit',
  'rotation-after-batch',
  'webhook-after-send',
];

/** Every setting of the vault, by the name of its environment variable. */
export const vaultSettings = z.object({
  SYMBOLON_VAULT_PUBLIC_URL: publicUrl.describe(
    'where browsers reach the vault; also its issuer name',
  ),
  SYMBOLON_VAULT_PORT: port.default(4100).describe('port it listens on'),
  SYMBOLON_VAULT_HOST: z.string().min(1).default('127.0.0.1').describe('address it listens on'),
  SYMBOLON_DATABASE_URL: databaseUrl,
  SYMBOLON_KEYRING: z
    .string('is required: the key-encryption keys, such as file:PATH; docs/keys.md lists the forms')
    .describe(
      'key-encryption keys, comma separated, the first wraps, all open: file:PATH or env:NAME (32 bytes as base64 or base64url, one a line), aws-kms:, gcp-kms:, azure-keyvault:, vault-transit: as in [keys.md](keys.md)',
    ),
  ...vaultTransitSettings,
  SYMBOLON_ADMIN_TOKEN: adminToken
    .optional()
    .describe(
      'bootstrap bearer token of the admin API; refused once an administrator of an issuer has used one of theirs',
    ),
  SYMBOLON_ADMIN_RECOVERY: yes.describe('true: the bootstrap token counts again'),
  SYMBOLON_BOOTSTRAP: z
    .string()
    .optional()
    .describe('YAML file of admin resources that is applied at each start'),
  SYMBOLON_MODE: mode,
  SYMBOLON_OUTBOUND_ALLOW: outboundAllow,
  SYMBOLON_LOG_LEVEL: logLevel,
  SYMBOLON_METRICS_PORT: port.default(4190).describe('port of the Prometheus metrics, on loopback'),
  SYMBOLON_VAULT_IDLE_REFRESH_DAYS: days
    .default(30)
    .describe('days without use after which a connection is refreshed only when somebody uses it'),
  SYMBOLON_VAULT_KEEP_ALIVE_DAYS: days
    .default(180)
    .describe(
      'days without use after which a connection is not even kept from ending where its provider forgets unused ones',
    ),
  SYMBOLON_CRASH_AT: z
    .enum(crashPoints)
    .optional()
    .describe('development only: the process kills itself at this point, for experiments'),
});

type Settings = Readonly<z.output<typeof vaultSettings>>;

/** The vault's configuration: validated, frozen, passed on in slices. */
export interface VaultConfig {
  readonly publicUrl: string;
  readonly port: number;
  readonly host: string;
  readonly databaseUrl: string;
  readonly keyRing: readonly KeyEncryptionKey[];
  readonly adminToken: Secret | undefined;
  readonly adminRecovery: boolean;
  /** What the bootstrap file asks for; empty without one. */
  readonly bootstrap: readonly ChangeRequest[];
  readonly mode: Mode;
  readonly outboundAllow: readonly string[];
  readonly logLevel: z.output<typeof logLevel>;
  readonly metricsPort: number;
  readonly crashAt: CrashPointName | undefined;
  readonly idleTimes: IdleTimes;
}

type Environment = Readonly<Record<string, string | undefined>>;

/** Throws a ConfigurationError that lists everything that is wrong. */
export function readVaultConfig(environment: Environment): VaultConfig {
  const settings = readEnvironment(vaultSettings, environment);
  const keyRing = keyRingOf(settings, environment);
  const bootstrap = bootstrapOf(settings, environment);
  const problems = [
    ...bootstrap.problems.map((problem) => `SYMBOLON_BOOTSTRAP: ${problem}`),
    prefixed(
      'SYMBOLON_VAULT_PUBLIC_URL',
      publicUrlProblem(settings.SYMBOLON_VAULT_PUBLIC_URL, settings.SYMBOLON_MODE),
    ),
    prefixed('SYMBOLON_KEYRING', typeof keyRing === 'string' ? keyRing : undefined),
    prefixed('SYMBOLON_CRASH_AT', crashProblem(settings)),
  ].filter((problem) => problem !== undefined);
  if (problems.length > 0 || typeof keyRing === 'string') throw new ConfigurationError(problems);
  return Object.freeze(configOf(settings, keyRing, bootstrap.requests));
}

function configOf(
  settings: Settings,
  keyRing: readonly KeyEncryptionKey[],
  bootstrap: readonly ChangeRequest[],
): VaultConfig {
  return {
    publicUrl: settings.SYMBOLON_VAULT_PUBLIC_URL,
    port: settings.SYMBOLON_VAULT_PORT,
    host: settings.SYMBOLON_VAULT_HOST,
    databaseUrl: settings.SYMBOLON_DATABASE_URL,
    keyRing,
    adminToken: settings.SYMBOLON_ADMIN_TOKEN,
    adminRecovery: settings.SYMBOLON_ADMIN_RECOVERY === 'true',
    bootstrap,
    mode: settings.SYMBOLON_MODE,
    outboundAllow: settings.SYMBOLON_OUTBOUND_ALLOW,
    logLevel: settings.SYMBOLON_LOG_LEVEL,
    metricsPort: settings.SYMBOLON_METRICS_PORT,
    crashAt: settings.SYMBOLON_CRASH_AT,
    idleTimes: {
      idleAfter: settings.SYMBOLON_VAULT_IDLE_REFRESH_DAYS * 86_400,
      keepAlive: settings.SYMBOLON_VAULT_KEEP_ALIVE_DAYS * 86_400,
    },
  };
}

function bootstrapOf(
  { SYMBOLON_BOOTSTRAP: path }: Settings,
  environment: Environment,
): BootstrapDocument {
  return path === undefined ? { requests: [], problems: [] } : readBootstrapFile(path, environment);
}

/** The keys, or in words why there are none. */
function keyRingOf(
  settings: Settings,
  environment: Environment,
): readonly KeyEncryptionKey[] | string {
  try {
    const production = settings.SYMBOLON_MODE === 'production';
    const { SYMBOLON_KEYRING: value, SYMBOLON_OUTBOUND_ALLOW: allow } = settings;
    return readKeyRing(value, production, environment, allow);
  } catch (error) {
    if (error instanceof KeyRingUnusable) return error.message;
    throw error;
  }
}

function crashProblem(settings: Settings): string | undefined {
  if (settings.SYMBOLON_CRASH_AT === undefined || settings.SYMBOLON_MODE === 'development')
    return undefined;
  return 'is for experiments with SYMBOLON_MODE=development';
}

function prefixed(name: string, problem: string | undefined): string | undefined {
  return problem === undefined ? undefined : `${name}: ${problem}`;
}
