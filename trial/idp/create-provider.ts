import Provider from 'oidc-provider';
import type { Account as ProviderAccount, Configuration, KoaContextWithOIDC } from 'oidc-provider';
import { errorPage, signedOutPage, signOutPage } from '../pages/idp-pages.js';
import { fileAdapter } from './file-adapter.js';
import type { FileStore } from './file-store.js';
import type { IdpConfig } from './idp-config.js';
import type { IdpKeys } from './keys.js';
import type { Account } from './people.js';
import { resourceServer } from './resources.js';

const fortnight = 14 * 24 * 60 * 60;

/** A real OpenID provider, as strict as its kind: the corporate one registers clients, the upstream one rotates. */
export function createProvider(
  config: IdpConfig,
  people: readonly Account[],
  keys: IdpKeys,
  store: FileStore,
): Provider {
  const provider = new Provider(config.issuer, {
    ...common(config, people, keys, store),
    ...(config.kind === 'corporate' ? corporate(config) : upstream()),
  });
  // The links and cookies are made for plain http on loopback.
  provider.proxy = false;
  return provider;
}

function common(
  config: IdpConfig,
  people: readonly Account[],
  keys: IdpKeys,
  store: FileStore,
): Configuration {
  const cookie = (name: string) => `symbolon_${config.kind}_${name}`;
  return {
    adapter: fileAdapter(store),
    clients: config.clients,
    jwks: keys.jwks as NonNullable<Configuration['jwks']>,
    cookies: {
      // Cookies ignore ports: two providers on one host need different names.
      names: {
        session: cookie('session'),
        interaction: cookie('interaction'),
        resume: cookie('resume'),
      },
      keys: [keys.cookieKey],
    },
    findAccount: (_ctx, subject) => accountOf(people, subject),
    extraTokenClaims: (_ctx, token) =>
      'accountId' in token ? people.find((p) => p.subject === token.accountId)?.claims : undefined,
    claims: {
      openid: ['sub', 'upn'],
      profile: ['name', 'preferred_username', 'groups'],
      email: ['email', 'email_verified'],
    },
    conformIdTokenClaims: false,
    scopes: scopesOf(config),
    pkce: { required: () => true },
    clientBasedCORS: () => true,
    interactions: { url: (_ctx, interaction) => `/interaction/${interaction.uid}` },
    ttl: {
      AccessToken: config.accessTokenTtl,
      AuthorizationCode: 60,
      Grant: fortnight,
      IdToken: 3600,
      Interaction: 3600,
      RefreshToken: fortnight,
      Session: fortnight,
    },
    features: {
      devInteractions: { enabled: false },
      registration: { enabled: config.kind === 'corporate' },
      revocation: { enabled: true },
      rpInitiatedLogout: {
        enabled: true,
        logoutSource: (ctx, form) => void show(ctx, signOutPage(config.kind, form)),
        postLogoutSuccessSource: (ctx) => void show(ctx, signedOutPage(config.kind)),
      },
      resourceIndicators: {
        enabled: true,
        getResourceServerInfo: (_ctx, indicator) => resourceServer(config, indicator),
        useGrantedResource: () => true,
      },
    },
    renderError: (ctx, out) => void show(ctx, errorPage(config.kind, out.error)),
  };
}

/** A client registers with the scopes of the challenge that it met: those of the resources among them. */
function scopesOf({ resources }: IdpConfig): string[] {
  const own = ['openid', 'profile', 'email', 'offline_access'];
  return [...new Set([...own, ...resources.flatMap(({ scopes }) => scopes)])];
}

/** Clients register themselves; a public client may keep its session, whether or not it asks for offline_access. */
function corporate({ firstParty }: IdpConfig): Configuration {
  return {
    rotateRefreshToken: true,
    issueRefreshToken: (_ctx, client) => client.grantTypeAllowed('refresh_token'),
    expiresWithSession: () => false,
    loadExistingGrant: (ctx) => existingGrant(ctx, firstParty),
  };
}

/** A used refresh token ends its whole grant; without offline_access and consent there is none at all. */
function upstream(): Configuration {
  return { rotateRefreshToken: true };
}

/** The company's own clients need no consent page. */
async function existingGrant(ctx: KoaContextWithOIDC, firstParty: readonly string[]) {
  const { client, session, provider, params, result } = ctx.oidc;
  const known = result?.consent?.grantId ?? session?.grantIdFor(client?.clientId ?? '');
  const existing = known === undefined ? undefined : await provider.Grant.find(known);
  if (existing !== undefined || client === undefined || !session?.accountId) return existing;
  if (!firstParty.includes(client.clientId)) return undefined;
  const grant = new provider.Grant({ clientId: client.clientId, accountId: session.accountId });
  grantRequested(grant, params ?? {});
  await grant.save();
  return grant;
}

/** Grants everything that the request asks for: the page shows all of it and offers all or nothing. */
export function grantRequested(
  grant: InstanceType<Provider['Grant']>,
  params: Readonly<Record<string, unknown>>,
): void {
  const scope = typeof params['scope'] === 'string' ? params['scope'] : '';
  grant.addOIDCScope(scope);
  const asked = params['resource'];
  for (const resource of Array.isArray(asked) ? asked : [asked]) {
    if (typeof resource === 'string') grant.addResourceScope(resource, scope);
  }
}

function accountOf(people: readonly Account[], subject: string): ProviderAccount | undefined {
  const person = people.find((p) => p.subject === subject);
  if (person === undefined) return undefined;
  const { name, email, login, claims } = person;
  return {
    accountId: subject,
    claims: () => ({
      sub: subject,
      ...{ name, email, email_verified: true, preferred_username: login },
      ...claims,
    }),
  };
}

function show(ctx: KoaContextWithOIDC, html: string): void {
  ctx.type = 'html';
  ctx.set('content-security-policy', pagePolicy);
  ctx.body = html;
}

/** No script, nothing from elsewhere, never in a frame; forms may go on to a client's redirect. */
export const pagePolicy =
  "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; frame-ancestors 'none'";
