import { createHash, createHmac } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { readBody, startLocalServer } from '#lib/testing/local-server';
import { type FakeKms, FakeKmsKey, headerOf, type KmsFault } from './fake-kms.js';

const account = 'arn:aws:kms:eu-central-1:111122223333:key/';
const keyIds = ['1111abcd-12ab-34cd-56ef-1234567890ab', '2222abcd-12ab-34cd-56ef-1234567890ab'];
const secretAccessKey = 'secret-of-the-process';

const faults: Readonly<Record<Exclude<KmsFault, 'hanging-up'>, readonly [number, string]>> = {
  throttled: [400, 'ThrottlingException'],
  failing: [500, 'KMSInternalException'],
  denied: [400, 'AccessDeniedException'],
  disabled: [400, 'DisabledException'],
  absent: [400, 'NotFoundException'],
};

/** AWS KMS: JSON 1.1 with `X-Amz-Target`, each request signed by Signature Version 4. */
export async function startFakeAwsKms(): Promise<FakeKms> {
  const keys = new Map(keyIds.map((id) => [account + id, new FakeKmsKey()]));
  const calls: string[] = [];
  const complaints: string[] = [];
  const server = await startLocalServer(async (request, response) => {
    const body = await readBody(request);
    const target = headerOf(request, 'x-amz-target');
    calls.push(target);
    if (headerOf(request, 'content-type') !== 'application/x-amz-json-1.1')
      complaints.push('content-type');
    if (signatureOf(request, body) !== givenSignature(request)) complaints.push('signature');
    if (kms.fault === 'hanging-up') return void request.socket.destroy();
    if (kms.fault) return answer(response, ...faults[kms.fault]);
    const asked = JSON.parse(body) as Record<string, string> & {
      EncryptionContext: Record<string, string>;
    };
    const key = keys.get(asked['KeyId'] ?? '');
    if (!key) return answer(response, ...faults.absent);
    const context = Buffer.from(JSON.stringify(Object.entries(asked.EncryptionContext).toSorted()));
    if (target === 'TrentService.Encrypt') {
      const blob = key.encrypt(Buffer.from(asked['Plaintext'] ?? '', 'base64'), context);
      return answer(response, 200, undefined, {
        CiphertextBlob: blob.toString('base64'),
        EncryptionAlgorithm: 'SYMMETRIC_DEFAULT',
        KeyId: asked['KeyId'],
      });
    }
    const plain = key.decrypt(Buffer.from(asked['CiphertextBlob'] ?? '', 'base64'), context);
    if (!plain) return answer(response, 400, 'InvalidCiphertextException');
    answer(response, 200, undefined, {
      EncryptionAlgorithm: 'SYMMETRIC_DEFAULT',
      KeyId: asked['KeyId'],
      Plaintext: plain.toString('base64'),
    });
  });
  const uri = (id = '') => `aws-kms:${account}${id}?endpoint=${server.origin}`;
  const kms: FakeKms = {
    uri: uri(keyIds[0]),
    otherUri: uri(keyIds[1]),
    environment: { AWS_ACCESS_KEY_ID: 'AKIDEXAMPLE', AWS_SECRET_ACCESS_KEY: secretAccessKey },
    fault: undefined,
    calls,
    complaints,
    stop: () => server.stop(),
  };
  return kms;
}

function answer(response: ServerResponse, status: number, type?: string, body: object = {}): void {
  response.writeHead(status, { 'content-type': 'application/x-amz-json-1.1' });
  response.end(JSON.stringify(type === undefined ? body : { __type: type, message: type }));
}

function givenSignature(request: IncomingMessage): string {
  return /Signature=([0-9a-f]{64})/.exec(headerOf(request, 'authorization'))?.[1] ?? 'none';
}

/** AWS Signature Version 4 of the request as it came. */
function signatureOf(request: IncomingMessage, body: string): string {
  const given = headerOf(request, 'authorization');
  const signed = (/SignedHeaders=([^,]+)/.exec(given)?.[1] ?? '').split(';');
  const scope = (/Credential=[^/]+\/([^,]+)/.exec(given)?.[1] ?? '').split('/');
  const canonical = [
    request.method,
    request.url,
    '',
    ...signed.map((name) => `${name}:${headerOf(request, name).trim()}`),
    '',
    signed.join(';'),
    createHash('sha256').update(body).digest('hex'),
  ].join('\n');
  const toSign = [
    'AWS4-HMAC-SHA256',
    headerOf(request, 'x-amz-date'),
    scope.join('/'),
    createHash('sha256').update(canonical).digest('hex'),
  ].join('\n');
  const hmac = (key: Buffer | string, text: string) =>
    createHmac('sha256', key).update(text).digest();
  const key = scope.reduce<Buffer | string>(hmac, `AWS4${secretAccessKey}`);
  return hmac(key, toSign).toString('hex');
}
