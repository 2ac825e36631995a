import type { FieldError } from '#lib/problem/problem';
import { type CalledUrl, type Collection, type Effect, notSupported } from './collection.js';
import { canonicalJson, type JsonObject } from './json.js';
import type { OAuthClient } from './oauth-client.js';
import { type OAuthClientDocument, oauthClientDocument } from './oauth-client-document.js';

const laterAuthentication = ['client_secret_jwt', 'tls_client_auth', 'self_signed_tls_client_auth'];

/** What templates make of documents. */
export interface TemplateResolution {
  /** With everything that the template gives. */
  readonly effective: (document: OAuthClientDocument) => OAuthClient;
  /** What is wrong with `template` and `variables`. */
  readonly faults: (document: OAuthClientDocument) => readonly FieldError[];
  /** Every address that is called for this client, wherever it comes from. */
  readonly calledUrls: (document: OAuthClientDocument) => readonly CalledUrl[];
}

export function oauthClientsBy(templates: TemplateResolution): Collection<OAuthClientDocument> {
  const { effective, faults, calledUrls } = templates;
  return {
    name: 'oauth-clients',
    noun: 'oauth client',
    schema: oauthClientDocument,
    secrets: ['clientSecret'],
    immutable: {},
    guarded: [],
    notYet: laterValues,
    references: () => [],
    calledUrls,
    effects: (before, after) => effects(effective(before), effective(after)),
    // Row 34: whoever may edit the token endpoint must not thereby receive the secret.
    reentered: (before, after) =>
      isElsewhere(effective(before), effective(after)) ? ['clientSecret'] : [],
    rules: (document) => [...faults(document), ...strayEndpoints(document, effective)],
  };
}

function laterValues(body: JsonObject) {
  const { clientAuth } = body;
  return [
    ...(typeof clientAuth === 'string' && laterAuthentication.includes(clientAuth)
      ? [notSupported('/clientAuth', `client authentication by ${clientAuth}`)]
      : []),
  ];
}

function effects(before: OAuthClient, after: OAuthClient): Effect[] {
  const kind = 'suspend-grants';
  if (isElsewhere(before, after))
    return [
      { kind, reason: 'The authorization server of this connection was changed.', moved: true },
    ];
  const reason = suspensionReason(before, after);
  return reason === undefined ? [] : [{ kind, reason }];
}

function suspensionReason(before: OAuthClient, after: OAuthClient): string | undefined {
  const another = before.clientId !== undefined && before.clientId !== after.clientId;
  if (another || before.registration !== after.registration)
    return 'The registration at the authorization server was changed.';
  return before.sharing === after.sharing ? undefined : 'The sharing of connections was changed.';
}

/**
 * Row 35: an assertion is for the token endpoint, and whoever else receives one could use it there. There is no secret
 * to be given again, which would keep an administrator from leading it (and tokens) elsewhere (row 34).
 */
function strayEndpoints(
  document: OAuthClientDocument,
  effective: TemplateResolution['effective'],
): FieldError[] {
  const { clientAuth, endpoints } = effective(document);
  if (clientAuth !== 'private_key_jwt' || endpoints === undefined) return [];
  const { origin } = new URL(endpoints.token);
  return (['refresh', 'revocation', 'introspection', 'userinfo'] as const)
    .filter((name) => new URL(document.endpoints?.[name] ?? origin).origin !== origin)
    .map((name) => ({
      pointer: `/endpoints/${name}`,
      code: 'other-origin',
      detail: `With private_key_jwt this must be at ${origin}, where the token endpoint is. Give issuer instead of endpoints if the server names another address itself.`,
    }));
}

function isElsewhere(before: OAuthClient, after: OAuthClient): boolean {
  if (keepsChoice(before, after)) return false;
  return (
    before.issuer !== after.issuer ||
    before.template !== after.template ||
    canonicalJson(before.variables) !== canonicalJson(after.variables) ||
    canonicalJson(before.endpoints) !== canonicalJson(after.endpoints)
  );
}

/** Repeated without the choice that discovery made, a document keeps it. */
function keepsChoice(
  before: OAuthClient,
  { discoverFrom, issuer, endpoints }: OAuthClient,
): boolean {
  const open = issuer === undefined && endpoints === undefined;
  return discoverFrom !== undefined && discoverFrom === before.discoverFrom && open;
}
