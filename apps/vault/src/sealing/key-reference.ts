import { KeyRingUnusable } from './key-encryption-key.js';

/** `scheme:name?parameters` of one key-encryption key at a key management service. */
export interface KeyReference {
  readonly scheme: string;
  readonly name: string;
  /** By name; those that the scheme knows. */
  readonly parameters: Readonly<Record<string, string | undefined>>;
}

interface Form {
  readonly name: RegExp;
  readonly example: string;
  readonly parameters: readonly string[];
}

const forms: Readonly<Record<string, Form>> = {
  'aws-kms': {
    // No alias: it can be pointed at another key, which then would not open what the first one wrapped.
    name: /^(arn:[\w-]+:kms:[\w-]+:\d{12}:key\/[\w-]+|mrk-[0-9a-f]{32}|[0-9a-f-]{36})$/,
    example:
      'aws-kms:arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab',
    parameters: ['region', 'endpoint'],
  },
  'gcp-kms': {
    name: /^projects\/[^/?]+\/locations\/[^/?]+\/keyRings\/[^/?]+\/cryptoKeys\/[^/?]+$/,
    example: 'gcp-kms:projects/P/locations/europe-west3/keyRings/R/cryptoKeys/K',
    parameters: ['endpoint'],
  },
  'azure-keyvault': {
    name: /^https:\/\/[^/?@]+\/keys\/[\w-]+(\/[0-9a-f]{32})?$/,
    example: 'azure-keyvault:https://name.vault.azure.net/keys/NAME',
    parameters: ['algorithm'],
  },
  'vault-transit': {
    name: /^https?:\/\/[^/?@]+\/v1\/[^?]+\/keys\/[\w.-]+$/,
    example: 'vault-transit:https://vault.example.com/v1/transit/keys/NAME',
    parameters: ['namespace'],
  },
};

/** Every scheme of SYMBOLON_KEYRING. */
export const keySchemes: readonly string[] = ['file', 'env', ...Object.keys(forms)];

/** Throws KeyRingUnusable with what is expected. In production no address may be plain http. */
export function keyReference(uri: string, production: boolean): KeyReference {
  const scheme = uri.slice(0, uri.indexOf(':'));
  const form = forms[scheme];
  if (form === undefined)
    throw new KeyRingUnusable(`SYMBOLON_KEYRING must begin with one of ${keySchemes.join(', ')}.`);
  const [name = '', query = ''] = uri.slice(scheme.length + 1).split('?', 2);
  if (!form.name.test(name))
    throw new KeyRingUnusable(`${uri} does not name a key. Write it as ${form.example}.`);
  const parameters = parametersOf(uri, new URLSearchParams(query), form);
  const addresses = [name, parameters['endpoint'] ?? ''];
  if (production && addresses.some((address) => address.startsWith('http:')))
    throw new KeyRingUnusable(`${uri} must use https in production.`);
  return { scheme, name, parameters };
}

function parametersOf(
  uri: string,
  query: URLSearchParams,
  form: Form,
): Readonly<Record<string, string>> {
  const unknown = [...query.keys()].filter((name) => !form.parameters.includes(name));
  if (unknown.length > 0)
    throw new KeyRingUnusable(
      `${uri} has the unknown parameter ${unknown.join(', ')}; ${form.parameters.join(', ')} can be given.`,
    );
  const endpoint = query.get('endpoint');
  if (endpoint !== null && !/^https?:\/\/[^/?@]+$/.test(endpoint))
    throw new KeyRingUnusable(
      `${uri}: the endpoint must be an origin such as https://kms.example.com.`,
    );
  return Object.fromEntries(query);
}
