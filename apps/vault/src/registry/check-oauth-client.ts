import type { Outbound } from '#lib/outbound/outbound';
import type { FieldError } from '#lib/problem/problem';
import { type CheckedDocument, refused } from './checked-document.js';
import { chooseAuthorizationServer } from './choose-authorization-server.js';
import { discover, type Discovery, type IssuerMetadata } from './discover-issuer.js';
import type { JsonObject } from './domain/json.js';
import type { OAuthClientDocument } from './domain/oauth-client-document.js';
import { effective } from './effective-oauth-client.js';

export type OAuthClientJson = OAuthClientDocument & JsonObject;
type Choosable = 'private_key_jwt' | 'none' | 'client_secret_basic' | 'client_secret_post';

/** Finds the authorization server of an MCP resource, and how to be a client of it that nobody registered. */
export async function checkOAuthClient(
  outbound: Outbound,
  wanted: OAuthClientJson,
  before: OAuthClientJson | undefined,
): Promise<CheckedDocument> {
  const chosen = await chooseAuthorizationServer(outbound, wanted, before);
  if (chosen.errors.length > 0) return chosen;
  const document = chosen.document as OAuthClientJson;
  const { issuer, clientId, registration, discoverFrom } = effective(document);
  if (registration === 'static' && (issuer === undefined || clientId === undefined))
    return { ...chosen, document: withUsualAuthentication(document) };
  const found =
    issuer === undefined
      ? undefined
      : await discover(outbound, issuer, discoverFrom === undefined ? 'openid' : 'mcp');
  if (registration !== 'static') return checkRegistration({ document, before, found, chosen });
  const settled = { ...chosen, document: withUsualAuthentication(document) };
  if (found === undefined || found.ok) return settled;
  return { ...settled, failure: found.detail, warnings: [...chosen.warnings, found.detail] };
}

function withUsualAuthentication(document: OAuthClientJson): OAuthClientJson {
  const { clientAuth, ...rest } = document;
  if (clientAuth !== 'auto') return document;
  // A template says itself what is usual.
  return document.template === undefined ? { ...rest, clientAuth: 'client_secret_basic' } : rest;
}

interface Registering {
  readonly document: OAuthClientJson;
  readonly before: OAuthClientJson | undefined;
  /** Undefined where the endpoints are typed in. */
  readonly found: Discovery | undefined;
  readonly chosen: CheckedDocument;
}

function checkRegistration({ document, before, found, chosen }: Registering): CheckedDocument {
  if (found?.ok === false) {
    // Once settled, a server that is away for the moment keeps nothing from being saved.
    const clientAuth = settledBefore(document, before);
    if (found.unreachable && clientAuth !== undefined)
      return { ...chosen, document: { ...document, clientAuth }, warnings: [found.detail] };
    const code = found.unreachable ? 'discovery-failed' : 'discovery-invalid';
    return refused(document, { pointer: '/issuer', code, detail: found.detail });
  }
  const metadata = found?.metadata;
  const lacking = notOffered(document, metadata);
  if (lacking) return refused(document, lacking);
  const { clientAuth = 'auto' } = document;
  const wished = clientAuth === 'auto' ? settledBefore(document, before) : clientAuth;
  const offered = offeredMethods(document, metadata);
  const method = wished ?? offered[0];
  if (method !== undefined && offered.includes(method as Choosable))
    return { ...chosen, document: { ...document, clientAuth: method } };
  return refused(document, {
    pointer: '/clientAuth',
    code: 'not-offered',
    detail: `The authorization server does not take this. It takes: ${offered.join(', ') || 'nothing that the vault can do'}.`,
  });
}

/** What was chosen when the same registration was saved before. */
function settledBefore(document: OAuthClientJson, before: OAuthClientJson | undefined) {
  const same = before?.registration === document.registration && before?.issuer === document.issuer;
  return same && before?.clientAuth !== 'auto' ? before?.clientAuth : undefined;
}

function notOffered(
  { registration, endpoints }: OAuthClientJson,
  metadata: IssuerMetadata | undefined,
): FieldError | undefined {
  const error = (detail: string) => ({ pointer: '/registration', code: 'not-offered', detail });
  if (registration === 'dynamic')
    return (metadata?.registration_endpoint ?? endpoints?.registration) === undefined
      ? error('The authorization server has no registration endpoint (RFC 7591). Register by hand.')
      : undefined;
  return metadata?.client_id_metadata_document_supported === true
    ? undefined
    : error(
        'The authorization server does not say that it reads client metadata documents. Use dynamic or static.',
      );
}

/** Ours that the server takes too, the strongest first; RFC 8414 §2 has client_secret_basic where it says nothing. */
function offeredMethods(
  { registration }: OAuthClientJson,
  metadata: IssuerMetadata | undefined,
): Choosable[] {
  const taken = metadata?.token_endpoint_auth_methods_supported ?? ['client_secret_basic'];
  const ours: Choosable[] = [
    'private_key_jwt',
    'client_secret_basic',
    'client_secret_post',
    'none',
  ];
  const possible = registration === 'dynamic' ? ours : (['private_key_jwt', 'none'] as const);
  return possible.filter((method) => taken.includes(method));
}
