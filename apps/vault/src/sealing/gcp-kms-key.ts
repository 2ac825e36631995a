import type { KeyManagementServiceClient } from '@google-cloud/kms';
import { crc32c } from './crc32c.js';
import {
  type KeyEncryptionKey,
  KeyUnavailable,
  type KeyUnavailableCode,
  wrappingContext,
} from './key-encryption-key.js';
import type { KeyReference } from './key-reference.js';
import { withinDeadline } from './within-deadline.js';

const provider = 'Google Cloud KMS';
const deadlineMs = 8_000;
// The client's own retries would last ten minutes; whoever asks here asks again by itself.
const call = { timeout: 6_000, retry: null };

type Bytes = Uint8Array | string | null | undefined;

/** A symmetric key of Cloud KMS over its REST interface, with application default credentials. */
export function gcpKmsKey({ name, parameters }: KeyReference): KeyEncryptionKey {
  let loading: Promise<KeyManagementServiceClient> | undefined;
  const gcp = () => (loading ??= load(parameters['endpoint']));
  return {
    id: `gcp-kms:${name}`,
    provider,
    wrap: async ({ id, key }) => {
      const client = await gcp();
      const aad = Buffer.from(wrappingContext(id));
      const [answer] = await asked(
        client.encrypt(
          {
            name,
            plaintext: key,
            plaintextCrc32c: { value: crc32c(key) },
            additionalAuthenticatedData: aad,
            additionalAuthenticatedDataCrc32c: { value: crc32c(aad) },
          },
          call,
        ),
      );
      const received = answer.verifiedPlaintextCrc32c === true;
      if (!received || answer.verifiedAdditionalAuthenticatedDataCrc32c !== true)
        throw new KeyUnavailable(provider, 'damaged');
      const wrapped = checked(answer.ciphertext, answer.ciphertextCrc32c?.value);
      return {
        wrapped,
        version: /\/cryptoKeyVersions\/([^/]+)$/.exec(answer.name ?? '')?.[1] ?? '',
      };
    },
    unwrap: async (id, { wrapped }) => {
      const client = await gcp();
      const aad = Buffer.from(wrappingContext(id));
      const [answer] = await asked(
        client.decrypt(
          {
            name,
            ciphertext: wrapped,
            ciphertextCrc32c: { value: crc32c(wrapped) },
            additionalAuthenticatedData: aad,
            additionalAuthenticatedDataCrc32c: { value: crc32c(aad) },
          },
          call,
        ),
      );
      return { id, key: checked(answer.plaintext, answer.plaintextCrc32c?.value) };
    },
  };
}

/** Over REST no gRPC channel is opened; the library still reads its gRPC code when it is imported. */
async function load(endpoint: string | undefined): Promise<KeyManagementServiceClient> {
  const { KeyManagementServiceClient: Client } = await import('@google-cloud/kms');
  if (endpoint === undefined) return new Client({ fallback: true });
  const { protocol, hostname, port } = new URL(endpoint);
  return new Client({
    fallback: true,
    apiEndpoint: hostname,
    protocol: protocol.slice(0, -1),
    ...(port === '' ? {} : { port: Number(port) }),
  });
}

function checked(value: Bytes, sum: unknown): Buffer {
  const bytes = typeof value === 'string' ? Buffer.from(value, 'base64') : Buffer.from(value ?? []);
  if (bytes.length === 0 || Number(sum) !== crc32c(bytes))
    throw new KeyUnavailable(provider, 'damaged');
  return bytes;
}

async function asked<T>(answer: Promise<T>): Promise<T> {
  const late = () => new KeyUnavailable(provider, 'unreachable', 'timeout');
  try {
    return await withinDeadline(answer, deadlineMs, late);
  } catch (error) {
    if (error instanceof KeyUnavailable) throw error;
    const [code, symbol] = codeOf(error);
    throw new KeyUnavailable(provider, code, symbol);
  }
}

/** By the name of google.rpc.Code. */
const codes: Readonly<Record<string, KeyUnavailableCode>> = {
  INVALID_ARGUMENT: 'mismatch',
  DEADLINE_EXCEEDED: 'unreachable',
  NOT_FOUND: 'absent',
  PERMISSION_DENIED: 'denied',
  RESOURCE_EXHAUSTED: 'throttled',
  FAILED_PRECONDITION: 'disabled',
  INTERNAL: 'failing',
  UNAVAILABLE: 'failing',
  UNAUTHENTICATED: 'credentials',
};

function codeOf(error: unknown): readonly [KeyUnavailableCode, string] {
  if (!(error instanceof Error)) return ['failing', 'unknown'];
  // Over REST the client throws the HTTP answer, whose body is the message.
  const status = /"status":\s*"([A-Z_]+)"/.exec(error.message)?.[1];
  if (status !== undefined) return [codes[status] ?? 'failing', status];
  if (/default credentials|invalid_grant|invalid_client/i.test(error.message))
    return ['credentials', error.name];
  const code: unknown = 'code' in error ? error.code : undefined;
  if (typeof code === 'number') return [code === 401 ? 'credentials' : 'failing', `HTTP ${code}`];
  return ['unreachable', typeof code === 'string' ? code : error.name];
}
