import { readBody, sendJson, startLocalServer } from '#lib/testing/local-server';
import { type FakeKms, FakeKmsKey, headerOf, type KmsFault } from './fake-kms.js';

const faults: Readonly<Record<Exclude<KmsFault, 'hanging-up'>, readonly [number, string]>> = {
  throttled: [429, 'request path "transit": rate limit quota exceeded'],
  failing: [503, 'Vault is sealed'],
  denied: [403, '1 error occurred:\n\t* permission denied\n\n'],
  disabled: [400, 'ciphertext or signature version is disallowed by policy (too old)'],
  absent: [400, 'encryption key not found'],
};

export interface FakeVault extends FakeKms {
  /** Tokens that count; an AppRole or Kubernetes login adds one. */
  readonly tokens: Set<string>;
  readonly logins: readonly string[];
}

/** The Transit engine of HashiCorp Vault and OpenBao, with AppRole and Kubernetes logins. */
export async function startFakeVaultTransit(): Promise<FakeVault> {
  const keys = new Map(['one', 'two'].map((name) => [name, new FakeKmsKey()]));
  const calls: string[] = [];
  const complaints: string[] = [];
  const logins: string[] = [];
  const tokens = new Set(['hvs.given']);
  const server = await startLocalServer(async (request, response) => {
    const body = JSON.parse(await readBody(request)) as Record<string, string>;
    if (headerOf(request, 'x-vault-request') !== 'true') complaints.push('x-vault-request');
    const refuse = (status: number, error: string) =>
      sendJson(response, status, { errors: [error] });
    if (request.url?.startsWith('/v1/auth/') === true) {
      logins.push(request.url);
      if (!mayLogIn(body)) return refuse(400, 'invalid role or secret ID');
      const token = `hvs.login-${logins.length}`;
      tokens.add(token);
      return sendJson(response, 200, { auth: { client_token: token, lease_duration: 3600 } });
    }
    const [, verb = '', name = ''] =
      /^\/v1\/transit\/(encrypt|decrypt)\/(\w+)$/.exec(request.url ?? '') ?? [];
    calls.push(verb);
    if (kms.fault === 'hanging-up') return void request.socket.destroy();
    if (!tokens.has(headerOf(request, 'x-vault-token'))) return refuse(403, faults.denied[1]);
    if (kms.fault) return refuse(...faults[kms.fault]);
    const key = keys.get(name);
    if (!key) return refuse(...faults.absent);
    const context = Buffer.from(body['associated_data'] ?? '', 'base64');
    if (verb === 'encrypt') {
      const message = key.encrypt(Buffer.from(body['plaintext'] ?? '', 'base64'), context);
      const ciphertext = `vault:v7:${message.toString('base64')}`;
      return sendJson(response, 200, { data: { ciphertext, key_version: 7 } });
    }
    const message = Buffer.from((body['ciphertext'] ?? '').replace('vault:v7:', ''), 'base64');
    const plain = key.decrypt(message, context);
    if (!plain) return refuse(400, 'cipher: message authentication failed');
    sendJson(response, 200, { data: { plaintext: plain.toString('base64') } });
  });
  const kms: FakeVault = {
    uri: `vault-transit:${server.origin}/v1/transit/keys/one`,
    otherUri: `vault-transit:${server.origin}/v1/transit/keys/two`,
    environment: { SYMBOLON_VAULT_TRANSIT_TOKEN: 'hvs.given' },
    fault: undefined,
    calls,
    complaints,
    tokens,
    logins,
    stop: () => server.stop(),
  };
  return kms;
}

function mayLogIn(body: Readonly<Record<string, string>>): boolean {
  if (body['role_id'] !== undefined)
    return body['role_id'] === 'role' && body['secret_id'] === 'secret';
  return body['role'] === 'symbolon' && body['jwt'] === 'token-of-the-pod';
}
