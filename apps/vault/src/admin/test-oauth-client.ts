import type { Outbound } from '#lib/outbound/outbound';
import { OutboundError } from '#lib/outbound/outbound-error';
import { Problem } from '#lib/problem/problem';
import { clientAddresses } from '../providers/client-metadata.js';
import type { Providers } from '../providers/provider.js';
import type { RegisterClient } from '../providers/register-client.js';
import { discover } from '../registry/discover-issuer.js';
import type { OAuthClient } from '../registry/domain/oauth-client.js';
import type { PostgresRegistryStore } from '../registry/postgres-registry-store.js';
import type { Registry, Stored } from '../registry/registry-snapshot.js';
import { templateNamed } from '../templates/catalogue.js';
import { clientAuthenticationCheck } from './client-authentication-check.js';
import { fail, needsUser, type OAuthClientCheck, pass } from './oauth-client-check.js';
import type { Asked, Probe, Server } from './oauth-client-probe.js';
import { ownDocumentCheck } from './own-document-check.js';
import { redirectUriCheck } from './redirect-uri-check.js';
import { documentedRegistration, dynamicRegistration } from './registration-check.js';
import { resourceMetadataCheck } from './resource-metadata-check.js';
import { serverChecks } from './server-checks.js';

export interface TestOAuthClientParts {
  readonly registry: Registry;
  readonly store: Pick<PostgresRegistryStore, 'recordCheck'>;
  readonly outbound: Outbound;
  readonly providers: Providers;
  readonly register: RegisterClient;
  readonly publicUrl: string;
}

/** Tries what can be tried of an oauth client without a person, in the order a connection would meet it. */
export class TestOAuthClient {
  constructor(private readonly parts: TestOAuthClientParts) {}

  /** Throws Problem where there is no such oauth client. Remembers the first failure as its status. */
  async test(slug: string): Promise<{ checks: readonly OAuthClientCheck[] }> {
    const { registry, store } = this.parts;
    const stored = (await registry.refresh()).oauthClient(slug);
    if (stored === undefined) throw new Problem('not-found', `There is no oauth client "${slug}".`);
    const checks: OAuthClientCheck[] = [];
    for await (const check of this.#checks(stored)) checks.push(check);
    const isDraft = stored.document.registration === 'static';
    const failure = checks.find(
      ({ check, status }) => status === 'fail' && !(isDraft && check === 'registration'),
    );
    await store.recordCheck(stored.id, failure?.detail);
    return { checks };
  }

  /** Stops where the next check would only repeat what is wrong already. */
  async *#checks(stored: Stored<OAuthClient>): AsyncGenerator<OAuthClientCheck> {
    const { document } = stored;
    const quirks = templateNamed(document.template ?? '')?.quirks;
    if (quirks) yield pass('template', `Taken care of: ${quirks.join('; ')}.`);
    const registered = await this.#registrationByHand(stored);
    if (registered) yield registered;
    if (document.discoverFrom !== undefined)
      yield await resourceMetadataCheck(this.parts.outbound, document);
    const { server, check } = await this.#server(document);
    if (check) yield check;
    if (server === undefined) return;
    const seen = [await this.#endpoints(server), ...serverChecks(document, server)];
    yield* seen;
    if ([...seen, ...(registered ? [registered] : [])].some(({ status }) => status === 'fail'))
      return;
    yield* this.#asClient(stored, server);
  }

  /** What needs a client id. */
  async *#asClient(stored: Stored<OAuthClient>, server: Server): AsyncGenerator<OAuthClientCheck> {
    const { document } = stored;
    const { jwks, metadataDocument, redirectUri } = this.#addresses(document);
    if (document.clientAuth === 'private_key_jwt')
      yield await ownDocumentCheck('signing-keys', jwks, this.#ask);
    if (document.registration === 'metadata-document')
      yield await ownDocumentCheck('metadata-document', metadataDocument, this.#ask);
    if (document.registration === 'dynamic') {
      const registered = await dynamicRegistration(stored, server, this.parts.register);
      yield registered;
      if (registered.status === 'fail') return;
    }
    const provider = this.parts.providers.of(stored);
    const probe: Probe = { document, provider, redirectUri, ask: this.#ask };
    yield await clientAuthenticationCheck(probe);
    yield await redirectUriCheck(probe);
    yield consent;
  }

  #addresses({ slug }: OAuthClient) {
    return clientAddresses(this.parts.publicUrl, slug);
  }

  async #registrationByHand({ id, document }: Stored<OAuthClient>) {
    if (document.registration === 'dynamic') return undefined;
    if (document.registration === 'metadata-document')
      return pass('registration', 'The client id is the address of a document that we serve.');
    const live = await this.parts.registry.secrets(id, 'clientSecret');
    return documentedRegistration(document, live.length > 0);
  }

  async #server({
    issuer = '',
    endpoints,
    discoverFrom,
    registration,
  }: OAuthClient): Promise<{ server?: Server; check?: OAuthClientCheck }> {
    if (endpoints) {
      const { revocation, registration: register } = endpoints;
      return { server: { ...endpoints, revocation, registration: register, metadata: undefined } };
    }
    const order = discoverFrom === undefined ? 'openid' : 'mcp';
    const found = await discover(this.parts.outbound, issuer, order);
    if (!found.ok)
      return {
        check: fail('metadata', found.detail, 'Correct the issuer, or give endpoints instead.'),
      };
    const { metadata } = found;
    const { authorization_endpoint: authorization, token_endpoint: token } = metadata;
    if (authorization === undefined || token === undefined) {
      const detail = 'The metadata names no authorization or no token endpoint.';
      return { check: fail('metadata', detail, 'Give endpoints instead of the issuer.') };
    }
    if (
      registration === 'metadata-document' &&
      metadata.client_id_metadata_document_supported !== true
    ) {
      const detail = 'The server no longer says that it reads client metadata documents.';
      return { check: fail('metadata', detail, 'Set registration to dynamic or static.') };
    }
    const server = {
      ...{ authorization, token, metadata },
      revocation: metadata.revocation_endpoint,
      registration: metadata.registration_endpoint,
    };
    const told = 'The authorization server describes itself under this issuer.';
    return { server, check: pass('metadata', told) };
  }

  async #endpoints({ authorization, token }: Server): Promise<OAuthClientCheck> {
    const asked = await Promise.all([authorization, token].map((url) => this.#ask(url)));
    const silent = asked.find((one) => !one.ok);
    if (silent?.ok === false)
      return fail('endpoints', silent.detail, 'Correct the address, or let this server reach it.');
    return pass('endpoints', 'The authorization and token endpoints answer.');
  }

  readonly #ask = async (url: string): Promise<Asked> => {
    try {
      const answer = await this.parts.outbound.request(url, { timeoutMs: 5_000 });
      return { ok: true, answer };
    } catch (error) {
      if (!(error instanceof OutboundError)) throw error;
      return { ok: false, detail: `${error.message}.` };
    }
  };
}

const consent = needsUser(
  'consent',
  'Only a person can consent.',
  'Connect one of the upstreams of this oauth client yourself.',
);
