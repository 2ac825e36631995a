import type { Outbound } from '#lib/outbound/outbound';
import { OutboundError } from '#lib/outbound/outbound-error';
import { Problem } from '#lib/problem/problem';
import type { Secret } from '#lib/secret/secret';
import { discover } from '../registry/discover-issuer.js';
import type { OAuthClient } from '../registry/domain/oauth-client.js';
import type { PostgresRegistryStore } from '../registry/postgres-registry-store.js';
import type { Registry } from '../registry/registry-snapshot.js';
import { clientAuthenticationCheck } from './client-authentication-check.js';
import { fail, needsUser, type OAuthClientCheck, pass } from './oauth-client-check.js';
import type { Asked, Probe, Server } from './oauth-client-probe.js';
import { redirectUriCheck } from './redirect-uri-check.js';

/** Tries what can be tried of an oauth client without a person, in the order a connection would meet it. */
export class TestOAuthClient {
  constructor(
    private readonly registry: Registry,
    private readonly store: PostgresRegistryStore,
    private readonly outbound: Outbound,
    private readonly publicUrl: string,
  ) {}

  /** Throws Problem where there is no such oauth client. Remembers the first failure as its status. */
  async test(slug: string): Promise<{ checks: readonly OAuthClientCheck[] }> {
    const stored = (await this.registry.refresh()).oauthClient(slug);
    if (stored === undefined) throw new Problem('not-found', `There is no oauth client "${slug}".`);
    const [secret] = await this.registry.secrets(stored.id, 'clientSecret');
    const checks = await this.#run(stored.document, secret);
    const failure = checks.find(
      (check) => check.status === 'fail' && check.check !== 'registration',
    );
    await this.store.recordCheck(stored.id, failure?.detail);
    return { checks };
  }

  async #run(document: OAuthClient, secret: Secret | undefined): Promise<OAuthClientCheck[]> {
    const checks = [registration(document, secret)];
    const server = await this.#server(document, checks);
    if (server === undefined) return checks;
    checks.push(await this.#endpoints(server), pkce(server), offlineAccess(document, server));
    const { clientId, slug } = document;
    if (clientId === undefined || checks.some(({ status }) => status === 'fail')) return checks;
    const redirectUri = `${this.publicUrl}/callback/${slug}`;
    const probe: Probe = { document, clientId, secret, redirectUri, ask: this.#ask };
    checks.push(await clientAuthenticationCheck(server, probe));
    checks.push(await redirectUriCheck(server, probe), consent);
    return checks;
  }

  async #server(
    { issuer, endpoints }: OAuthClient,
    checks: OAuthClientCheck[],
  ): Promise<Server | undefined> {
    if (endpoints) return { ...endpoints, metadata: undefined };
    const found = await discover(this.outbound, issuer ?? '');
    if (!found.ok) {
      checks.push(fail('metadata', found.detail, 'Correct the issuer, or give endpoints instead.'));
      return undefined;
    }
    const { authorization_endpoint: authorization, token_endpoint: token } = found.metadata;
    if (authorization === undefined || token === undefined) {
      const detail = 'The metadata names no authorization or no token endpoint.';
      checks.push(fail('metadata', detail, 'Give endpoints instead of the issuer.'));
      return undefined;
    }
    checks.push(pass('metadata', 'The authorization server describes itself under this issuer.'));
    return { authorization, token, metadata: found.metadata };
  }

  async #endpoints({ authorization, token }: Server): Promise<OAuthClientCheck> {
    const asked = await Promise.all([authorization, token].map((url) => this.#ask(url)));
    const silent = asked.find((one) => !one.ok);
    if (silent?.ok === false)
      return fail('endpoints', silent.detail, 'Correct the address, or let this server reach it.');
    return pass('endpoints', 'The authorization and token endpoints answer.');
  }

  readonly #ask = async (
    url: string,
    form?: URLSearchParams,
    headers: Record<string, string> = {},
  ): Promise<Asked> => {
    const post = {
      'content-type': 'application/x-www-form-urlencoded',
      accept: 'application/json',
    };
    try {
      const answer = await this.outbound.request(url, {
        timeoutMs: 5_000,
        ...(form
          ? { method: 'POST', body: form.toString(), headers: { ...post, ...headers } }
          : { headers }),
      });
      return { ok: true, answer };
    } catch (error) {
      if (!(error instanceof OutboundError)) throw error;
      return { ok: false, detail: `${error.message}.` };
    }
  };
}

function registration(document: OAuthClient, secret: Secret | undefined): OAuthClientCheck {
  if (document.clientId === undefined)
    return fail(
      'registration',
      'There is no client id yet: this is a draft.',
      'Register an application at the provider with the redirectUri shown here, then set clientId.',
    );
  if (document.clientAuth.startsWith('client_secret') && secret === undefined)
    return fail(
      'registration',
      'There is no client secret.',
      'Set clientSecret, or clientAuth none for a public client.',
    );
  return pass('registration', 'A client id and what it authenticates with are set.');
}

function pkce({ metadata }: Server): OAuthClientCheck {
  const methods = metadata?.code_challenge_methods_supported;
  if (methods?.includes('S256') === true) return pass('pkce', 'PKCE with S256 is advertised.');
  if (methods !== undefined)
    return fail(
      'pkce',
      'The server advertises PKCE, but not S256.',
      'Switch S256 on for this client at the provider; the vault never connects without it.',
    );
  return needsUser(
    'pkce',
    'The server does not say whether it checks PKCE. The vault sends S256 always.',
    'Look for PKCE in the provider’s console and require it there.',
  );
}

function offlineAccess({ scopes }: OAuthClient, { metadata }: Server): OAuthClientCheck {
  const offered = metadata?.scopes_supported?.includes('offline_access');
  const asked = scopes.includes('offline_access');
  if (asked && offered === true)
    return pass('offline-access', 'offline_access is offered and asked for.');
  if (asked && offered === undefined)
    return needsUser(
      'offline-access',
      'offline_access is asked for; the server does not list its scopes.',
      'Connect once and look whether the grant is refreshable.',
    );
  if (asked)
    return fail(
      'offline-access',
      'offline_access is asked for, but the server does not offer it.',
      'Remove it from scopes, and find out how this provider gives refresh tokens.',
    );
  return needsUser(
    'offline-access',
    'offline_access is not asked for.',
    offered === true
      ? 'Add it to scopes, or people connect again whenever their token ends.'
      : 'Some providers give refresh tokens without it. Connect once and look whether the grant is refreshable.',
  );
}

const consent = needsUser(
  'consent',
  'Only a person can consent.',
  'Connect one of the upstreams of this oauth client yourself.',
);
