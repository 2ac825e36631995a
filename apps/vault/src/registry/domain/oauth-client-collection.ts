import { type Collection, type Effect, laterMembers, notSupported } from './collection.js';
import { canonicalJson, type JsonObject } from './json.js';
import { type OAuthClient, oauthClient } from './oauth-client.js';

const laterAuthentication = [
  'private_key_jwt',
  'client_secret_jwt',
  'tls_client_auth',
  'self_signed_tls_client_auth',
];

export const oauthClients: Collection<OAuthClient> = {
  name: 'oauth-clients',
  noun: 'oauth client',
  schema: oauthClient,
  secrets: ['clientSecret'],
  immutable: {},
  guarded: [],
  notYet: (body) => [...laterMembers(body, ['template', 'variables']), ...laterValues(body)],
  references: () => [],
  calledUrls: (document) => [
    ...(document.issuer === undefined ? [] : [{ pointer: '/issuer', url: document.issuer }]),
    ...Object.entries(document.endpoints ?? {}).flatMap(([name, url]) =>
      url === undefined ? [] : [{ pointer: `/endpoints/${name}`, url }],
    ),
  ],
  effects: (before, after) => effects(before, after),
  // Row 34: whoever may edit the token endpoint must not thereby receive the secret.
  reentered: (before, after) => (isElsewhere(before, after) ? ['clientSecret'] : []),
  rules: () => [],
};

function laterValues(body: JsonObject) {
  const { registration, clientAuth } = body;
  return [
    ...(registration === 'dynamic' || registration === 'metadata-document'
      ? [notSupported('/registration', `registration ${registration}`)]
      : []),
    ...(typeof clientAuth === 'string' && laterAuthentication.includes(clientAuth)
      ? [notSupported('/clientAuth', `client authentication by ${clientAuth}`)]
      : []),
  ];
}

function effects(before: OAuthClient, after: OAuthClient): Effect[] {
  const reason = suspensionReason(before, after);
  return reason === undefined ? [] : [{ kind: 'suspend-grants', reason }];
}

function suspensionReason(before: OAuthClient, after: OAuthClient): string | undefined {
  if (isElsewhere(before, after)) return 'The authorization server of this connection was changed.';
  if (before.clientId !== undefined && before.clientId !== after.clientId)
    return 'The registration at the authorization server was changed.';
  return before.sharing === after.sharing ? undefined : 'The sharing of connections was changed.';
}

function isElsewhere(before: OAuthClient, after: OAuthClient): boolean {
  return (
    before.issuer !== after.issuer ||
    canonicalJson(before.endpoints) !== canonicalJson(after.endpoints)
  );
}
