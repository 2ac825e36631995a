import { Outbound, type OutboundAnswer } from '#lib/outbound/outbound';
import { OutboundError } from '#lib/outbound/outbound-error';
import {
  type KeyEncryptionKey,
  KeyUnavailable,
  type KeyUnavailableCode,
  wrappingContext,
} from './key-encryption-key.js';
import type { KeyReference } from './key-reference.js';
import { VaultTransitLogin, type VaultTransitSettings } from './vault-transit-login.js';

const provider = 'Vault Transit';

/** A key of the Transit engine of HashiCorp Vault or OpenBao, over its documented HTTP interface. */
export function vaultTransitKey(
  { name: url, parameters }: KeyReference,
  settings: VaultTransitSettings & { readonly outboundAllow: readonly string[] },
): KeyEncryptionKey {
  const { namespace } = parameters;
  const mode = settings.production ? 'production' : 'development';
  let outbound: Outbound | undefined;
  const post = async (path: string, body: unknown, token?: string): Promise<OutboundAnswer> => {
    outbound ??= new Outbound({ mode, allow: settings.outboundAllow });
    const headers = {
      'content-type': 'application/json',
      'x-vault-request': 'true',
      ...(token === undefined ? {} : { 'x-vault-token': token }),
      ...(namespace === undefined ? {} : { 'x-vault-namespace': namespace }),
    };
    const { origin } = new URL(url);
    return outbound.request(origin + path, {
      method: 'POST',
      headers,
      body: JSON.stringify(body),
      timeoutMs: 5_000,
    });
  };
  const login = new VaultTransitLogin(settings, post);
  const ask = async (verb: 'encrypt' | 'decrypt', body: Record<string, string>) => {
    const path = new URL(url).pathname.replace(/\/keys\/([^/]+)$/, `/${verb}/$1`);
    return asked(async () => {
      const answer = await post(path, body, await login.token());
      // The token has ended, or is not the one any more: once more with a new one.
      return answer.status === 403 ? post(path, body, await login.renewed()) : answer;
    });
  };
  return {
    id: `vault-transit:${url.replace(/^https?:\/\//, '')}${namespace === undefined ? '' : `@${namespace}`}`,
    provider,
    wrap: async ({ id, key }) => {
      const answer = await ask('encrypt', {
        plaintext: key.toString('base64'),
        associated_data: Buffer.from(wrappingContext(id)).toString('base64'),
      });
      const ciphertext = textIn(answer, 'ciphertext');
      return {
        wrapped: Buffer.from(ciphertext),
        version: /^vault:(v\d+):/.exec(ciphertext)?.[1] ?? '',
      };
    },
    unwrap: async (id, { wrapped }) => {
      const answer = await ask('decrypt', {
        ciphertext: wrapped.toString('utf8'),
        associated_data: Buffer.from(wrappingContext(id)).toString('base64'),
      });
      const key = Buffer.from(textIn(answer, 'plaintext'), 'base64');
      if (key.length !== 32) throw new KeyUnavailable(provider, 'damaged');
      return { id, key };
    },
  };
}

async function asked(call: () => Promise<OutboundAnswer>): Promise<OutboundAnswer> {
  try {
    const answer = await call();
    if (answer.status === 200) return answer;
    throw new KeyUnavailable(provider, codeOf(answer), `HTTP ${answer.status}`);
  } catch (error) {
    if (!(error instanceof OutboundError)) throw error;
    throw new KeyUnavailable(provider, 'unreachable', error.symbol ?? error.code);
  }
}

function codeOf({ status, body }: OutboundAnswer): KeyUnavailableCode {
  const text = body.toString('utf8');
  if (status === 403) return /permission denied/.test(text) ? 'denied' : 'credentials';
  if (status === 404 || /key not found/.test(text)) return 'absent';
  if (/disallowed by policy|minimum decryption version|too old/.test(text)) return 'disabled';
  if (status === 400) return 'mismatch';
  return status === 429 ? 'throttled' : 'failing';
}

function textIn({ body }: OutboundAnswer, member: string): string {
  try {
    const { data } = JSON.parse(body.toString('utf8')) as { data?: Record<string, unknown> };
    const value = data?.[member];
    if (typeof value === 'string' && value !== '') return value;
  } catch {
    // Not JSON: the same as an answer without the member.
  }
  throw new KeyUnavailable(provider, 'damaged');
}
