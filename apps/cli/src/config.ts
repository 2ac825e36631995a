import { z } from 'zod';
import { readEnvironment } from '#lib/config/environment';
import { publicUrl, secret } from '#lib/config/settings';
import type { Secret } from '#lib/secret/secret';

/** Every setting of the `symbolon` command, by the name of its environment variable. */
export const cliSettings = z.object({
  SYMBOLON_VAULT_URL: publicUrl
    .refine(keepsToken, {
      message: 'must be https, unless the vault is on this machine: the admin token is sent there',
    })
    .describe('the vault whose admin API is called'),
  SYMBOLON_ADMIN_TOKEN: secret.describe('an admin token: the bootstrap one or one of an issuer'),
});

function keepsToken(url: string): boolean {
  if (!URL.canParse(url)) return true;
  const { protocol, hostname } = new URL(url);
  return protocol === 'https:' || /^(?:localhost|127(?:\.\d+){3}|\[::1\])$/.test(hostname);
}

export interface CliConfig {
  /** Origin of the vault, such as https://vault.example.com. */
  readonly vaultUrl: string;
  readonly adminToken: Secret;
}

/** Throws a ConfigurationError that names all that is wrong. */
export function readCliConfig(environment: NodeJS.ProcessEnv): CliConfig {
  const settings = readEnvironment(cliSettings, environment);
  return { vaultUrl: settings.SYMBOLON_VAULT_URL, adminToken: settings.SYMBOLON_ADMIN_TOKEN };
}
