import { timingSafeEqual } from 'node:crypto';
import type { TokenCredential } from '@azure/identity';
import type { CryptographyClientOptions, KeyWrapAlgorithm } from '@azure/keyvault-keys';
import type { MessageKey } from '#lib/sealing/message';
import {
  type KeyEncryptionKey,
  KeyUnavailable,
  type KeyUnavailableCode,
} from './key-encryption-key.js';
import type { KeyReference } from './key-reference.js';

const provider = 'Azure Key Vault';
const deadlineMs = 8_000;

/** What a test changes: whom it trusts, and that its Key Vault is not under vault.azure.net. */
export interface AzureClientOptions {
  readonly tlsOptions?: { readonly ca: string };
  readonly disableChallengeResourceVerification?: boolean;
  /** Of the credential: do not ask Microsoft whether the authority is one of theirs. */
  readonly disableInstanceDiscovery?: boolean;
}

interface Azure {
  readonly sdk: typeof import('@azure/keyvault-keys');
  readonly credential: TokenCredential;
}

/**
 * A key of Key Vault or Managed HSM, with the credentials that DefaultAzureCredential finds. Neither RSA-OAEP nor
 * AES-KW takes a context, so what is wrapped is the data key's id and the data key, and the id is compared.
 */
export function azureKeyVaultKey(
  { name: url, parameters }: KeyReference,
  options: AzureClientOptions = {},
): KeyEncryptionKey {
  const { vaultUrl, keyName, pinned } = partsOf(url);
  const algorithm = algorithmOf(vaultUrl, parameters['algorithm']);
  let loading: Promise<Azure> | undefined;
  const azure = () => (loading ??= load(options));
  const client = { ...options, retryOptions: { maxRetries: 2, maxRetryDelayInMs: 500 } };
  const within = () => ({ abortSignal: AbortSignal.timeout(deadlineMs) });
  return {
    id: `azure-keyvault:${vaultUrl}/keys/${keyName}`,
    provider,
    wrap: async (dataKey) => {
      const { sdk, credential } = await azure();
      const version = pinned ?? (await currentVersion(sdk, credential, client));
      const at = cryptography(await azure(), version, client);
      const plain = Buffer.concat([dataKey.id, dataKey.key]);
      const { result } = await asked(at.wrapKey(algorithm, plain, within()));
      return { wrapped: bytesOf(result), version };
    },
    unwrap: async (id, { wrapped, version }) => {
      const at = cryptography(await azure(), version, client);
      const { result } = await asked(at.unwrapKey(algorithm, wrapped, within()));
      return dataKeyIn(bytesOf(result), id);
    },
  };

  function cryptography(
    { sdk, credential }: Azure,
    version: string,
    clientOptions: CryptographyClientOptions,
  ) {
    return new sdk.CryptographyClient(
      `${vaultUrl}/keys/${keyName}/${version}`,
      credential,
      clientOptions,
    );
  }

  /** Unwrapping must name the version that wrapped, so wrapping has to know which one it uses. */
  async function currentVersion(
    sdk: Azure['sdk'],
    credential: TokenCredential,
    clientOptions: CryptographyClientOptions,
  ): Promise<string> {
    const keys = new sdk.KeyClient(vaultUrl, credential, clientOptions);
    const key = await asked(keys.getKey(keyName, within()));
    if (key.properties.enabled === false) throw new KeyUnavailable(provider, 'disabled');
    return key.properties.version ?? '';
  }
}

function partsOf(url: string): { vaultUrl: string; keyName: string; pinned: string | undefined } {
  const { origin, pathname } = new URL(url);
  const [, , keyName = '', pinned] = pathname.split('/');
  return { vaultUrl: origin, keyName, pinned };
}

function algorithmOf(vaultUrl: string, asked_: string | undefined): KeyWrapAlgorithm {
  if (asked_ !== undefined) return asked_ as KeyWrapAlgorithm;
  return vaultUrl.endsWith('.managedhsm.azure.net') ? 'A256KW' : 'RSA-OAEP-256';
}

async function load(options: AzureClientOptions): Promise<Azure> {
  const [sdk, identity] = await Promise.all([
    import('@azure/keyvault-keys'),
    import('@azure/identity'),
  ]);
  return { sdk, credential: new identity.DefaultAzureCredential(options) };
}

// Declared as always there; an answer without a value gives none.
function bytesOf(result: Uint8Array | undefined): Buffer {
  if (result === undefined) throw new KeyUnavailable(provider, 'damaged');
  return Buffer.from(result);
}

function dataKeyIn(plain: Buffer, id: Buffer): MessageKey {
  const named = plain.subarray(0, id.length);
  if (plain.length !== id.length + 32 || !timingSafeEqual(named, id))
    throw new KeyUnavailable(provider, 'mismatch');
  return { id, key: plain.subarray(id.length) };
}

async function asked<T>(answer: Promise<T>): Promise<T> {
  try {
    return await answer;
  } catch (error) {
    const symbol = symbolOf(error);
    throw new KeyUnavailable(provider, codeOf(error, symbol), symbol);
  }
}

const byStatus: Readonly<Record<number, KeyUnavailableCode>> = {
  400: 'mismatch',
  401: 'credentials',
  403: 'denied',
  404: 'absent',
  429: 'throttled',
};

function codeOf(error: unknown, symbol: string): KeyUnavailableCode {
  if (/^(AuthenticationError|AggregateAuthenticationError|CredentialUnavailableError)/.test(symbol))
    return 'credentials';
  if (symbol === 'KeyDisabled') return 'disabled';
  const status = statusOf(error);
  if (status === undefined) return 'unreachable';
  return byStatus[status] ?? 'failing';
}

function statusOf(error: unknown): number | undefined {
  if (typeof error !== 'object' || error === null || !('statusCode' in error)) return undefined;
  return typeof error.statusCode === 'number' ? error.statusCode : undefined;
}

/** Key Vault's own code, the inner one where there is one: `KeyDisabled` comes as a 403 `Forbidden`. */
function symbolOf(error: unknown): string {
  if (!(error instanceof Error)) return 'unknown';
  const { details } = error as { details?: { error?: { innerError?: { code?: string } } } };
  const inner = details?.error?.innerError?.code;
  if (inner !== undefined) return inner;
  return 'code' in error && typeof error.code === 'string' ? error.code : error.name;
}
