import { expect, test } from 'vitest';
import { collections } from '../collections.js';
import { oauthClientDocument } from './oauth-client-document.js';

const others = {
  ...{ issuers: [], applications: [], 'oauth-clients': [] },
  ...{ upstreams: [], 'machine-clients': [], webhooks: [] },
};

function faultsOf(clientAuth: string, more: Record<string, string>): readonly string[] {
  const document = oauthClientDocument.parse({
    ...{ slug: 'one', name: 'One', clientId: 'vault', clientAuth },
    endpoints: { authorization: 'https://login.example/a', token: 'https://as.example/t', ...more },
  });
  return collections['oauth-clients'].rules(document, others).map(({ pointer }) => pointer);
}

test.each(['refresh', 'revocation', 'introspection', 'userinfo'])(
  'row 35, an assertion used elsewhere: with a signing key, %s is where the token endpoint is',
  (name) => {
    const pointer = [`/endpoints/${name}`];
    expect(faultsOf('private_key_jwt', { [name]: 'https://evil.example/x' })).toEqual(pointer);
    expect(faultsOf('private_key_jwt', { [name]: 'https://as.example:444/x' })).toEqual(pointer);
    expect(faultsOf('private_key_jwt', { [name]: 'https://as.example/x' })).toEqual([]);
    // A secret has to be given again instead (row 34).
    expect(faultsOf('client_secret_post', { [name]: 'https://other.example/x' })).toEqual([]);
  },
);
