import { errors } from 'oidc-provider';
import type { ResourceServer } from 'oidc-provider';
import type { IdpConfig } from './idp-config.js';

/** The resource server an RFC 8707 indicator names; tokens for it are JWTs bound to exactly that audience. */
export function resourceServer(config: IdpConfig, indicator: string): ResourceServer {
  const known = config.resources.find(({ uri }) =>
    uri.endsWith('/*') ? indicator.startsWith(uri.slice(0, -1)) : indicator === uri,
  );
  if (known === undefined) throw new errors.InvalidTarget('this resource is not known here');
  return {
    audience: indicator,
    scope: known.scopes.join(' '),
    accessTokenTTL: config.accessTokenTtl,
    accessTokenFormat: 'jwt',
    jwt: { sign: { alg: 'RS256' } },
  };
}
