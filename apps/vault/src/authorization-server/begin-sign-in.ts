import { isUnstorable } from '../registry/domain/json.js';
import type { Registry } from '../registry/registry-snapshot.js';
import { signInResources } from '../registry/sign-in-resources.js';
import type { BoundTrip } from '../sessions/browser-binding.js';
import {
  type AuthorizationRefusal,
  type Parameters,
  parametersOf,
  readAuthorizationRequest,
} from './domain/authorization-request.js';
import { grantedScopes } from './offered-scopes.js';
import { isRegistered } from './domain/redirect-uri.js';
import type { SignInClient } from './domain/sign-in-client.js';
import type { PostgresSignInStore } from './postgres-sign-in-store.js';
import type { SignInClients } from './sign-in-clients.js';

/** Where a client is told something. */
export interface Recipient {
  readonly clientId: string;
  readonly clientName: string;
  readonly redirectUri: string;
  readonly clientState: string | undefined;
}

export type Begun =
  | { readonly kind: 'begun'; readonly id: string; readonly reauthenticate: boolean }
  /** Nobody knows whose redirect URI it is: nothing is ever sent there. */
  | { readonly kind: 'stray'; readonly reason: 'parameters' | 'client' | 'redirect-uri' }
  | {
      readonly kind: 'refused';
      readonly to: Recipient;
      readonly refusal: AuthorizationRefusal;
    };

/** `GET /oauth2/authorize` (RFC 6749 §4.1.1): remembers what is asked, in this browser. It decides nothing. */
export class BeginSignIn {
  constructor(
    private readonly clients: SignInClients,
    private readonly store: PostgresSignInStore,
    private readonly registry: Registry,
  ) {}

  async begin(query: URLSearchParams, trip: () => BoundTrip): Promise<Begun> {
    const form = parametersOf(query);
    if (form === undefined || isUnstorable(form)) return { kind: 'stray', reason: 'parameters' };
    const resources = signInResources(this.registry.current());
    // Nobody signs in here: then nobody has us read the document of a client either.
    if (resources.length === 0) return { kind: 'stray', reason: 'client' };
    const client = await this.clients.find(form['client_id'] ?? '');
    if (client === undefined) return { kind: 'stray', reason: 'client' };
    const redirectUri = form['redirect_uri'] ?? '';
    if (!isRegistered(redirectUri, client.redirectUris))
      return { kind: 'stray', reason: 'redirect-uri' };
    const to = recipientOf(client, redirectUri, form);
    const asked = readAuthorizationRequest(form);
    if ('error' in asked) return { kind: 'refused', to, refusal: asked };
    const found = resources.find(({ resource }) => resource === asked.resource);
    if (found === undefined) return { kind: 'refused', to, refusal: unknownResource };
    const { stateHash, browserHash } = trip();
    const id = await this.store.add({
      ...to,
      ...{ stateHash, browserHash },
      codeChallenge: asked.codeChallenge,
      resource: asked.resource,
      upstreamId: found.upstream.id,
      scopes: grantedScopes(found.upstream.document, asked.scopes),
    });
    return { kind: 'begun', id, reauthenticate: asked.reauthenticate };
  }
}

function recipientOf({ clientId, name }: SignInClient, redirectUri: string, form: Parameters) {
  return { clientId, clientName: name, redirectUri, clientState: form['state'] };
}

const unknownResource: AuthorizationRefusal = {
  error: 'invalid_target',
  description: 'resource is not one that people sign in to here.',
};
