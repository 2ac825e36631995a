import type { ClientAuth } from 'openid-client';

/**
 * RFC 6749 §2.3.1: id and secret form-encoded, then as HTTP Basic. Form encoding leaves `-`, `.`, `_` and `*` as they are; to
 * escape them too is not wrong, and servers that do not decode (many) would then not know the usual ids.
 */
export function secretBasic(secret: string): ClientAuth {
  return (_server, client, _body, headers) => {
    const pair = [client.client_id, secret].map(formEncoded).join(':');
    headers.set('authorization', `Basic ${Buffer.from(pair).toString('base64')}`);
  };
}

function formEncoded(value: string): string {
  return new URLSearchParams([['', value]]).toString().slice(1);
}
