import type { KMSClient } from '@aws-sdk/client-kms';
import {
  type KeyEncryptionKey,
  KeyUnavailable,
  type KeyUnavailableCode,
  wrappingContext,
} from './key-encryption-key.js';
import type { KeyReference } from './key-reference.js';

const provider = 'AWS KMS';
const deadlineMs = 8_000;

/** A symmetric key of AWS KMS, with the credentials that the AWS SDK finds by itself. */
export function awsKmsKey({ name: KeyId, parameters }: KeyReference): KeyEncryptionKey {
  let loading:
    | Promise<{ sdk: typeof import('@aws-sdk/client-kms'); client: KMSClient }>
    | undefined;
  const load = async () => {
    const sdk = await import('@aws-sdk/client-kms');
    const region = parameters['region'] ?? /^arn:[^:]+:kms:([^:]+)/.exec(KeyId)?.[1];
    const { endpoint } = parameters;
    const client = new sdk.KMSClient({
      ...(region === undefined ? {} : { region }),
      ...(endpoint === undefined ? {} : { endpoint }),
      maxAttempts: 3,
      requestHandler: { connectionTimeout: 2_000, requestTimeout: 4_000 },
    });
    return { sdk, client };
  };
  const aws = async () => (loading ??= load());
  const context = (id: Buffer) => ({ 'symbolon:data-key': wrappingContext(id) });
  return {
    id: `aws-kms:${KeyId}`,
    provider,
    wrap: async ({ id, key }) => {
      const { sdk, client } = await aws();
      const answer = await asked(
        client.send(
          new sdk.EncryptCommand({ KeyId, Plaintext: key, EncryptionContext: context(id) }),
          { abortSignal: AbortSignal.timeout(deadlineMs) },
        ),
      );
      return { wrapped: bytesOf(answer.CiphertextBlob), version: '' };
    },
    unwrap: async (id, { wrapped }) => {
      const { sdk, client } = await aws();
      const answer = await asked(
        client.send(
          new sdk.DecryptCommand({
            KeyId,
            CiphertextBlob: wrapped,
            EncryptionContext: context(id),
          }),
          { abortSignal: AbortSignal.timeout(deadlineMs) },
        ),
      );
      return { id, key: bytesOf(answer.Plaintext) };
    },
  };
}

function bytesOf(value: Uint8Array | undefined): Buffer {
  if (value === undefined) throw new KeyUnavailable(provider, 'damaged');
  return Buffer.from(value);
}

async function asked<T>(answer: Promise<T>): Promise<T> {
  try {
    return await answer;
  } catch (error) {
    const symbol = error instanceof Error ? error.name : 'unknown';
    throw new KeyUnavailable(provider, codeOf(symbol, statusOf(error)), symbol);
  }
}

const codes: Readonly<Record<string, KeyUnavailableCode>> = {
  AccessDeniedException: 'denied',
  DisabledException: 'disabled',
  KMSInvalidStateException: 'disabled',
  NotFoundException: 'absent',
  InvalidArnException: 'absent',
  InvalidCiphertextException: 'mismatch',
  IncorrectKeyException: 'mismatch',
  ThrottlingException: 'throttled',
  LimitExceededException: 'throttled',
  CredentialsProviderError: 'credentials',
  UnrecognizedClientException: 'credentials',
  InvalidClientTokenId: 'credentials',
  InvalidSignatureException: 'credentials',
  SignatureDoesNotMatch: 'credentials',
  ExpiredTokenException: 'credentials',
};

function codeOf(symbol: string, status: number | undefined): KeyUnavailableCode {
  const known = codes[symbol];
  if (known !== undefined) return known;
  if (status === undefined) return 'unreachable';
  return status === 429 ? 'throttled' : 'failing';
}

function statusOf(error: unknown): number | undefined {
  if (typeof error !== 'object' || error === null || !('$metadata' in error)) return undefined;
  const { httpStatusCode } = error.$metadata as { httpStatusCode?: number };
  return httpStatusCode;
}
