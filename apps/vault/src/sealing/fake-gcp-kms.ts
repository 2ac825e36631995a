import { generateKeyPairSync, verify } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readBody, sendJson, startLocalServer } from '#lib/testing/local-server';
import { crc32c } from './crc32c.js';
import { type FakeKms, FakeKmsKey, headerOf, type KmsFault } from './fake-kms.js';

const ring = 'projects/p/locations/europe-west3/keyRings/r/cryptoKeys/';
const email = 'vault@p.iam.gserviceaccount.com';

const faults: Readonly<Record<Exclude<KmsFault, 'hanging-up'>, readonly [number, string]>> = {
  throttled: [429, 'RESOURCE_EXHAUSTED'],
  failing: [503, 'UNAVAILABLE'],
  denied: [403, 'PERMISSION_DENIED'],
  disabled: [400, 'FAILED_PRECONDITION'],
  absent: [404, 'NOT_FOUND'],
};

/** Google Cloud KMS over REST, opened by a token that the service account has signed itself. */
export async function startFakeGcpKms(): Promise<FakeKms> {
  const account = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const folder = mkdtempSync(join(tmpdir(), 'symbolon-gcp-'));
  const credentials = join(folder, 'credentials.json');
  const privateKey = account.privateKey.export({ type: 'pkcs8', format: 'pem' });
  writeFileSync(
    credentials,
    JSON.stringify({
      ...{ type: 'service_account', project_id: 'p', private_key_id: 'k', client_email: email },
      private_key: privateKey,
    }),
    { mode: 0o600 },
  );
  const keys = new Map(['one', 'two'].map((name) => [ring + name, new FakeKmsKey()]));
  const calls: string[] = [];
  const complaints: string[] = [];
  const isSigned = (request: IncomingMessage) => {
    const token = headerOf(request, 'authorization').replace(/^Bearer /, '');
    const [head = '', claims = '', signature = ''] = token.split('.');
    const { iss } = JSON.parse(Buffer.from(claims, 'base64url').toString() || '{}') as {
      iss?: string;
    };
    const signed = Buffer.from(`${head}.${claims}`);
    const bytes = Buffer.from(signature, 'base64url');
    return iss === email && verify('sha256', signed, account.publicKey, bytes);
  };
  const server = await startLocalServer(async (request, response) => {
    const body = await readBody(request);
    const [, name = '', verb = ''] = /^\/v1\/(.+):(\w+)\?/.exec(request.url ?? '') ?? [];
    calls.push(verb);
    if (!isSigned(request)) complaints.push('token');
    if (kms.fault === 'hanging-up') return void request.socket.destroy();
    const refuse = (code: number, status: string) =>
      sendJson(response, code, { error: { code, message: status, status } });
    if (kms.fault) return refuse(...faults[kms.fault]);
    const key = keys.get(decodeURIComponent(name));
    if (!key) return refuse(...faults.absent);
    const asked = JSON.parse(body) as Record<string, string>;
    const bytes = (member: string) => Buffer.from(asked[member] ?? '', 'base64');
    const text = verb === 'encrypt' ? 'plaintext' : 'ciphertext';
    for (const member of [text, 'additionalAuthenticatedData'])
      if (Number(asked[`${member}Crc32c`]) !== crc32c(bytes(member))) complaints.push('crc32c');
    const context = bytes('additionalAuthenticatedData');
    if (verb === 'encrypt') {
      const ciphertext = key.encrypt(bytes('plaintext'), context);
      return sendJson(response, 200, {
        name: `${decodeURIComponent(name)}/cryptoKeyVersions/3`,
        ciphertext: ciphertext.toString('base64'),
        ciphertextCrc32c: String(crc32c(ciphertext)),
        verifiedPlaintextCrc32c: true,
        verifiedAdditionalAuthenticatedDataCrc32c: true,
        protectionLevel: 1,
      });
    }
    const plain = key.decrypt(bytes('ciphertext'), context);
    if (!plain) return refuse(400, 'INVALID_ARGUMENT');
    sendJson(response, 200, {
      plaintext: plain.toString('base64'),
      plaintextCrc32c: String(crc32c(plain)),
      usedPrimary: true,
    });
  });
  const kms: FakeKms = {
    uri: `gcp-kms:${ring}one?endpoint=${server.origin}`,
    otherUri: `gcp-kms:${ring}two?endpoint=${server.origin}`,
    environment: { GOOGLE_APPLICATION_CREDENTIALS: credentials },
    fault: undefined,
    calls,
    complaints,
    stop: async () => {
      rmSync(folder, { recursive: true });
      await server.stop();
    },
  };
  return kms;
}
