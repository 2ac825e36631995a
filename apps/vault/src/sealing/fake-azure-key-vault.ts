import {
  constants,
  generateKeyPairSync,
  privateDecrypt,
  publicEncrypt,
  randomUUID,
} from 'node:crypto';
import { createServer } from 'node:https';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { readBody, sendJson } from '#lib/testing/local-server';
import { selfSignedCertificate } from '#lib/testing/self-signed-certificate';
import { type FakeKms, headerOf, type KmsFault } from './fake-kms.js';

const tenant = '11111111-2222-3333-4444-555555555555';
const clientId = '66666666-7777-8888-9999-000000000000';
const token = 'token-of-the-authority';

const faults: Readonly<Record<Exclude<KmsFault, 'hanging-up'>, readonly [number, object]>> = {
  throttled: [429, { code: 'Throttled' }],
  failing: [500, { code: 'InternalServerError' }],
  denied: [403, { code: 'Forbidden', innererror: { code: 'AccessDenied' } }],
  disabled: [403, { code: 'Forbidden', innererror: { code: 'KeyDisabled' } }],
  absent: [404, { code: 'KeyNotFound' }],
};

interface FakeKey {
  readonly version: string;
  readonly pair: ReturnType<typeof rsa>;
}

const oaep = { padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: 'sha256' };

const rsa = () => generateKeyPairSync('rsa', { modulusLength: 2048 });

export interface FakeAzure extends FakeKms {
  /** The authority whose certificate it shows. */
  readonly ca: string;
  /** The first key gets another version; the one before it stays usable. */
  rotate(): void;
}

/** Key Vault and its authority: the 401 challenge, the token endpoint, keys with versions. Over TLS, as Azure's clients insist. */
export async function startFakeAzureKeyVault(): Promise<FakeAzure> {
  const newKey = (): FakeKey => ({ version: randomUUID().replaceAll('-', ''), pair: rsa() });
  const keys = new Map<string, FakeKey[]>([
    ['one', [newKey()]],
    ['two', [newKey()]],
  ]);
  const calls: string[] = [];
  const complaints: string[] = [];
  const certificate = selfSignedCertificate('localhost');
  let origin = '';

  const authority = async (request: IncomingMessage, response: ServerResponse) => {
    if (request.url?.includes('openid-configuration'))
      return sendJson(response, 200, {
        issuer: `${origin}/${tenant}/v2.0`,
        authorization_endpoint: `${origin}/${tenant}/oauth2/v2.0/authorize`,
        token_endpoint: `${origin}/${tenant}/oauth2/v2.0/token`,
        jwks_uri: `${origin}/${tenant}/discovery/v2.0/keys`,
      });
    const form = new URLSearchParams(await readBody(request));
    if (form.get('client_secret') !== 'secret' || form.get('client_id') !== clientId)
      return sendJson(response, 401, { error: 'invalid_client', error_description: 'no' });
    if (form.get('scope')?.startsWith('https://vault.azure.net/.default') !== true)
      complaints.push('scope');
    sendJson(response, 200, { token_type: 'Bearer', expires_in: 3600, access_token: token });
  };

  const keyVault = async (request: IncomingMessage, response: ServerResponse) => {
    const body = await readBody(request);
    if (headerOf(request, 'authorization') !== `Bearer ${token}`) {
      if (body !== '') complaints.push('content before authorization');
      const challenge = `Bearer authorization="${origin}/${tenant}", resource="https://vault.azure.net"`;
      response.writeHead(401, { 'www-authenticate': challenge, 'content-length': 0 }).end();
      return;
    }
    const [, , name = '', version = '', verb = 'get'] = new URL(
      request.url ?? '',
      origin,
    ).pathname.split('/');
    calls.push(verb);
    if (kms.fault === 'hanging-up') return void request.socket.destroy();
    if (kms.fault) return sendJson(response, faults[kms.fault][0], { error: faults[kms.fault][1] });
    const versions = keys.get(name) ?? [];
    const key = version === '' ? versions.at(-1) : versions.find((one) => one.version === version);
    if (!key) return sendJson(response, 404, { error: faults.absent[1] });
    const kid = `${origin}/keys/${name}/${key.version}`;
    if (verb === 'get')
      return sendJson(response, 200, {
        key: {
          ...key.pair.publicKey.export({ format: 'jwk' }),
          kid,
          key_ops: ['wrapKey', 'unwrapKey'],
        },
        attributes: { enabled: true },
      });
    const asked = JSON.parse(body) as { alg: string; value: string };
    if (asked.alg !== 'RSA-OAEP-256') complaints.push('alg');
    if (verb === 'wrapkey')
      return sendJson(response, 200, { kid, value: wrapped(key, asked.value) });
    const plain = unwrapped(key, Buffer.from(asked.value, 'base64url'));
    if (plain) return sendJson(response, 200, { kid, value: plain.toString('base64url') });
    sendJson(response, 400, { error: { code: 'BadParameter', message: 'cannot be decrypted' } });
  };

  const server = createServer(certificate, (request, response) => {
    const serve = request.url?.startsWith(`/${tenant}/`) === true ? authority : keyVault;
    serve(request, response).catch((error: unknown) => {
      complaints.push(String(error));
      response.writeHead(500).end();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  origin = `https://localhost:${(server.address() as AddressInfo).port}`;
  const kms: FakeAzure = {
    uri: `azure-keyvault:${origin}/keys/one`,
    otherUri: `azure-keyvault:${origin}/keys/two`,
    environment: {
      AZURE_AUTHORITY_HOST: origin,
      AZURE_TENANT_ID: tenant,
      AZURE_CLIENT_ID: clientId,
      AZURE_CLIENT_SECRET: 'secret',
    },
    ca: certificate.cert,
    rotate: () => keys.get('one')?.push(newKey()),
    fault: undefined,
    calls,
    complaints,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
  return kms;
}

function wrapped({ pair }: FakeKey, value: string): string {
  const key = pair.publicKey;
  return publicEncrypt({ key, ...oaep }, Buffer.from(value, 'base64url')).toString('base64url');
}

function unwrapped({ pair }: FakeKey, message: Buffer): Buffer | undefined {
  try {
    return privateDecrypt({ key: pair.privateKey, ...oaep }, message);
  } catch {
    return undefined;
  }
}
