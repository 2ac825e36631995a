import { readFileSync } from 'node:fs';
import { z } from 'zod';
import { secret } from '#lib/config/settings';
import type { OutboundAnswer } from '#lib/outbound/outbound';
import { KeyUnavailable } from './key-encryption-key.js';

type Environment = Readonly<Record<string, string | undefined>>;

export interface VaultTransitSettings {
  readonly production: boolean;
  /** Read anew at each login: an agent may have replaced the files that it names. */
  readonly environment: Environment;
}

const text = z.string().optional();

/** The settings behind it, for the list of all settings; their values are read when they are needed. */
export const vaultTransitSettings = {
  SYMBOLON_VAULT_TRANSIT_TOKEN: secret
    .optional()
    .describe(
      'vault-transit: token of HashiCorp Vault or OpenBao; the file may be replaced while the process runs',
    ),
  SYMBOLON_VAULT_TRANSIT_ROLE_ID: text.describe('vault-transit: AppRole login instead of a token'),
  SYMBOLON_VAULT_TRANSIT_SECRET_ID: secret
    .optional()
    .describe('vault-transit: secret id of the AppRole'),
  SYMBOLON_VAULT_TRANSIT_KUBERNETES_ROLE: text.describe(
    'vault-transit: Kubernetes login instead, with the token of the service account',
  ),
  SYMBOLON_VAULT_TRANSIT_KUBERNETES_TOKEN_PATH: text.describe(
    'vault-transit: where that token stands, if not at the usual place',
  ),
  SYMBOLON_VAULT_TRANSIT_AUTH_MOUNT: text.describe(
    'vault-transit: where the login is mounted; by default approle or kubernetes',
  ),
};

type Post = (path: string, body: unknown) => Promise<OutboundAnswer>;

const provider = 'Vault Transit';
const kubernetesToken = '/var/run/secrets/kubernetes.io/serviceaccount/token';
const prefix = 'SYMBOLON_VAULT_TRANSIT_';

/** The token for Transit: given, or by AppRole or Kubernetes login and kept for most of its lease. */
export class VaultTransitLogin {
  #token: { readonly value: string; readonly untilMs: number } | undefined;

  constructor(
    private readonly settings: VaultTransitSettings,
    private readonly post: Post,
  ) {}

  async token(): Promise<string> {
    if (this.#token && performance.now() < this.#token.untilMs) return this.#token.value;
    return this.renewed();
  }

  /** Rejects with KeyUnavailable `credentials` when there is no way in. */
  async renewed(): Promise<string> {
    const given = this.#setting('TOKEN');
    if (given !== undefined) return given;
    this.#token = await this.#login();
    return this.#token.value;
  }

  async #login(): Promise<{ value: string; untilMs: number }> {
    const [path, body] = this.#way();
    const answer = await this.post(path, body);
    if (answer.status === 429 || answer.status >= 500)
      throw new KeyUnavailable(
        provider,
        answer.status === 429 ? 'throttled' : 'failing',
        `login HTTP ${answer.status}`,
      );
    const auth = authIn(answer);
    if (auth === undefined)
      throw new KeyUnavailable(provider, 'credentials', `login HTTP ${answer.status}`);
    const leaseMs = auth.lease_duration === 0 ? Infinity : auth.lease_duration * 800;
    return { value: auth.client_token, untilMs: performance.now() + leaseMs };
  }

  #way(): readonly [string, Record<string, string>] {
    const roleId = this.#setting('ROLE_ID');
    const secretId = this.#setting('SECRET_ID');
    const role = this.#setting('KUBERNETES_ROLE');
    const mount = this.#setting('AUTH_MOUNT') ?? (roleId === undefined ? 'kubernetes' : 'approle');
    const path = `/v1/auth/${mount}/login`;
    if (roleId !== undefined)
      return [
        path,
        { role_id: roleId, ...(secretId === undefined ? {} : { secret_id: secretId }) },
      ];
    if (role === undefined) throw new KeyUnavailable(provider, 'credentials', 'none configured');
    const jwt = fileText(this.#setting('KUBERNETES_TOKEN_PATH') ?? kubernetesToken);
    return [path, { role, jwt }];
  }

  #setting(name: string): string | undefined {
    const { environment } = this.settings;
    const file = environment[`${prefix}${name}_FILE`];
    if (file) return fileText(file);
    return environment[prefix + name] || undefined;
  }
}

function fileText(path: string): string {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch {
    throw new KeyUnavailable(provider, 'credentials', `${path} cannot be read`);
  }
}

function authIn({
  status,
  body,
}: OutboundAnswer): { client_token: string; lease_duration: number } | undefined {
  if (status !== 200) return undefined;
  try {
    const { auth } = JSON.parse(body.toString('utf8')) as {
      auth?: { client_token?: unknown; lease_duration?: unknown };
    };
    if (typeof auth?.client_token !== 'string') return undefined;
    const lease = typeof auth.lease_duration === 'number' ? auth.lease_duration : 0;
    return { client_token: auth.client_token, lease_duration: lease };
  } catch {
    return undefined;
  }
}
