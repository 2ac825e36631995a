import type { OAuthClient } from '../registry/domain/oauth-client.js';
import type { Upstream } from '../registry/domain/upstream.js';
import { isBrought } from '../registry/domain/brought-credential.js';
import type { RegistrySnapshot, Stored } from '../registry/registry-snapshot.js';
import type { GrantKey } from './grants.js';

/** What a person's grant for an upstream is kept under. */
export interface GrantHolder {
  /** Row id: of the oauth client, or of the upstream itself where the token is brought and nobody issues it to us. */
  readonly id: string;
  readonly partition: string;
  readonly oauthClient: Stored<OAuthClient> | undefined;
}

/** Undefined for an upstream whose credential is not a person's, or whose oauth client is gone. */
export function grantHolder(
  registry: Pick<RegistrySnapshot, 'oauthClient'>,
  { id, document: { credential } }: Stored<Upstream>,
): GrantHolder | undefined {
  if (isBrought(credential)) return { id, partition: id, oauthClient: undefined };
  if (credential.type !== 'oauth') return undefined;
  const oauthClient = registry.oauthClient(credential.oauthClient);
  if (oauthClient === undefined) return undefined;
  const partition = oauthClient.document.sharing === 'shared' ? '' : id;
  return { id: oauthClient.id, partition, oauthClient };
}

/** Whether the person brought its token: a service that knows nothing of us can be told nothing either. */
export function isBroughtToken({
  oauthClientId,
  partition,
}: Pick<GrantKey, 'oauthClientId' | 'partition'>): boolean {
  return oauthClientId === partition;
}
