import { randomBytes } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { exportJWK, generateKeyPair } from 'jose';
import type { JWK } from 'jose';

/** Everything secret that the trial makes for itself, kept in files that only their owner reads. */
export interface TrialSecrets {
  readonly adminToken: string;
  readonly adminTokenFile: string;
  readonly keyringFile: string;
  readonly gatewayKeyFile: string;
  readonly gatewayPublicKey: JWK;
  /** Opens the `/trial/…` endpoints and the supervisor's own control port. */
  readonly controlToken: string;
  readonly loginClientSecret: string;
  readonly upstreamClientSecret: string;
  readonly tourClientSecret: string;
  /** Of the database user that the vault works as. */
  readonly vaultDatabasePassword: string;
}

/** Reads what an earlier start made, and makes what is missing. */
export async function trialSecrets(stateDir: string, adminToken?: string): Promise<TrialSecrets> {
  const folder = join(stateDir, 'secrets');
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const adminTokenFile = join(stateDir, 'admin-token');
  if (adminToken !== undefined) await writeFile(adminTokenFile, adminToken, { mode: 0o600 });
  const keyringFile = join(folder, 'keyring');
  const gatewayKeyFile = join(folder, 'gateway-key.json');
  // The mark makes the vault refuse this key in production.
  await kept(keyringFile, () => Promise.resolve(`trial:${random()}\n`));
  const gatewayKey = JSON.parse(await kept(gatewayKeyFile, newGatewayKey)) as JWK;
  const { d: _private, ...gatewayPublicKey } = gatewayKey;
  const secret = (name: string) => kept(join(folder, name), () => Promise.resolve(random()));
  return {
    adminToken: await kept(adminTokenFile, () => Promise.resolve(random())),
    adminTokenFile,
    keyringFile,
    gatewayKeyFile,
    gatewayPublicKey,
    controlToken: await secret('control-token'),
    loginClientSecret: await secret('login-client-secret'),
    upstreamClientSecret: await secret('upstream-client-secret'),
    tourClientSecret: await secret('tour-client-secret'),
    vaultDatabasePassword: await secret('vault-database-password'),
  };
}

async function kept(file: string, make: () => Promise<string>): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch {
    const made = await make();
    await writeFile(file, made, { mode: 0o600 });
    return made;
  }
}

async function newGatewayKey(): Promise<string> {
  const { privateKey } = await generateKeyPair('ES256', { extractable: true });
  const kid = `trial-${randomBytes(6).toString('hex')}`;
  return JSON.stringify({ ...(await exportJWK(privateKey)), kid, alg: 'ES256', use: 'sig' });
}

function random(): string {
  return randomBytes(32).toString('base64url');
}
