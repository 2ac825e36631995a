import type { SealedPlace } from '../sealing/sealer.js';
import type { GrantKey } from './grants.js';
import type { TokenTarget } from './token-target.js';

type Owner = GrantKey & { readonly id: string };

export function refreshTokenPlace(grant: Owner): SealedPlace {
  return { ...ownerOf(grant), table: 'user_grant', column: 'refresh_token', rowId: grant.id };
}

export function dpopKeyPlace(grant: Owner): SealedPlace {
  return { ...ownerOf(grant), table: 'user_grant', column: 'dpop_key', rowId: grant.id };
}

export function accessTokenPlace(grant: Owner, target: TokenTarget): SealedPlace {
  const rowId = JSON.stringify([grant.id, target.resource, target.scopes]);
  return { ...ownerOf(grant), table: 'access_token', column: 'sealed', rowId };
}

function ownerOf({ issuerId, subject, oauthClientId }: Owner) {
  return { issuer: issuerId, subject, oauthClient: oauthClientId };
}
