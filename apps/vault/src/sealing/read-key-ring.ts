import { awsKmsKey } from './aws-kms-key.js';
import { azureKeyVaultKey } from './azure-key-vault-key.js';
import { gcpKmsKey } from './gcp-kms-key.js';
import { type KeyEncryptionKey, KeyRingUnusable } from './key-encryption-key.js';
import { keyReference, keySchemes } from './key-reference.js';
import { localKeys } from './local-key.js';
import { vaultTransitKey } from './vault-transit-key.js';

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Reads `SYMBOLON_KEYRING`: key-encryption keys, comma separated; the first wraps, all unwrap. A key of a
 * management service is only named here: nothing is loaded or called before it is used.
 */
export function readKeyRing(
  value: string,
  production: boolean,
  environment: Environment,
  outboundAllow: readonly string[] = [],
): readonly KeyEncryptionKey[] {
  const uris = value.split(nextScheme).map((uri) => uri.trim());
  const keys = uris.flatMap((uri) => keysOf(uri, production, environment, outboundAllow));
  const ids = keys.map((key) => key.id);
  if (new Set(ids).size < ids.length)
    throw new KeyRingUnusable('SYMBOLON_KEYRING names one key twice.');
  return keys;
}

// A comma may stand in a path; only one that another key follows separates.
const nextScheme = new RegExp(String.raw`,(?=\s*(?:${keySchemes.join('|')}):)`);

function keysOf(
  uri: string,
  production: boolean,
  environment: Environment,
  outboundAllow: readonly string[],
): KeyEncryptionKey[] {
  if (/^(file|env):/.test(uri)) return localKeys(uri, production, environment);
  const reference = keyReference(uri, production);
  switch (reference.scheme) {
    case 'aws-kms':
      return [awsKmsKey(reference)];
    case 'gcp-kms':
      return [gcpKmsKey(reference)];
    case 'azure-keyvault':
      return [azureKeyVaultKey(reference)];
    default:
      return [vaultTransitKey(reference, { production, environment, outboundAllow })];
  }
}
