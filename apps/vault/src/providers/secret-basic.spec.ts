import type { ClientAuth } from 'openid-client';
import { expect, it } from 'vitest';
import { secretBasic } from './secret-basic.js';

function sentFor(clientId: string, secret: string): string {
  const headers = new Headers();
  const server = { issuer: 'https://as.example' } as Parameters<ClientAuth>[0];
  void secretBasic(secret)(server, { client_id: clientId }, new URLSearchParams(), headers);
  const basic = headers.get('authorization')?.replace('Basic ', '') ?? '';
  return Buffer.from(basic, 'base64').toString('utf8');
}

it.each([
  ['an-id', 's3cret_with.dots-and*', 'an-id:s3cret_with.dots-and*'],
  ['id:with colon', 'p%ä+&', 'id%3Awith+colon:p%25%C3%A4%2B%26'],
])('%s and %s are sent as every server reads them', (id, secret, sent) => {
  expect(sentFor(id, secret)).toBe(sent);
});
