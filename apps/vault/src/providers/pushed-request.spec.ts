import { expect, test } from 'vitest';
import { SynchronisedClock } from '#lib/clock/clock';
import { Outbound } from '#lib/outbound/outbound';
import { Secret } from '#lib/secret/secret';
import { ScriptableAuthorizationServer } from '#lib/testing/scriptable-authorization-server';
import { altered, status } from '#lib/testing/scripted-answer';
import { oauthClient } from '../registry/domain/oauth-client.js';
import { template as schema } from '../templates/template.js';
import { NormalisingOutbound } from './normalising-outbound.js';
import { providerAuthorizationUrl } from './normalise-request.js';
import { OpenIdProviders } from './openid-providers.js';

const template = schema.parse({
  ...{ name: 'x', title: 'X', docs: 'https://x.example', register: 'A client.' },
  ...{ scopesHint: 'None.', quirks: ['one'], issuer: 'https://x.example' },
  authorize: {
    rename: { client_id: 'client_key' },
    remove: ['nonce'],
    scopeSeparator: ',',
    extraScopeParams: { user_scope: { prefix: 'user:' } },
  },
});

test('what is pushed is the request as the provider wants it, not as the RFCs have it', async () => {
  const server = await ScriptableAuthorizationServer.start();
  const network = new Outbound({ mode: 'development', allow: [] });
  try {
    const endpoint = `${server.issuer}/revoke`;
    server.always('discovery', altered({ pushed_authorization_request_endpoint: endpoint }));
    server.always('revoke', status(201, { request_uri: 'urn:pushed', expires_in: 60 }));
    const clock = new SynchronisedClock();
    const registry = { secrets: () => Promise.resolve([new Secret('s3cret')]) };
    const wire = new NormalisingOutbound(network, template, undefined, clock);
    const about = { slug: 'up', name: 'Up', clientId: 'vault', issuer: server.issuer };
    const document = oauthClient.parse({ ...about, clientAuth: 'client_secret_post' });
    const providers = new OpenIdProviders('https://vault.example.com', wire, registry, clock);
    const url = await providers.of({ id: 'row', version: 1, document }).authorizationUrl({
      ...{ state: 'the-state', nonce: 'the-nonce', codeVerifier: new Secret('v'.repeat(43)) },
      ...{ scopes: ['openid', 'read', 'user:mail', 'user:files'], resource: undefined },
    });
    if (!(url instanceof URL)) throw new Error(url.detail);
    const [pushed] = server.requests.filter((request) => request.endpoint === 'revoke');
    const sent = Object.fromEntries(pushed?.parameters ?? []);
    expect(sent).toMatchObject({
      client_key: 'vault',
      client_secret: 's3cret',
      scope: 'openid,read',
      user_scope: 'mail,files',
      state: 'the-state',
    });
    expect(sent).not.toHaveProperty('client_id');
    expect(sent).not.toHaveProperty('nonce');
    expect(Object.fromEntries(providerAuthorizationUrl(template, url).searchParams)).toEqual({
      client_key: 'vault',
      request_uri: 'urn:pushed',
    });
  } finally {
    await network.close();
    await server.stop();
  }
});
