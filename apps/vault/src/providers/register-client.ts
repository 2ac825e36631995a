import type { ServerMetadata } from 'openid-client';
import type { Clock } from '#lib/clock/clock';
import type { AuditRecord } from '../audit/audit-log.js';
import type { OAuthClient } from '../registry/domain/oauth-client.js';
import type { Stored } from '../registry/registry-snapshot.js';
import { askedBy } from './asked-by.js';
import { clientMetadata } from './client-metadata.js';
import type { ProviderOutbound } from './normalising-outbound.js';
import { ProviderRefused } from './provider-refused.js';
import type { Registration, Registrations, StoredRegistration } from './registration.js';
import { readRegistration } from './registration-answer.js';
import { authorizationServerOf } from './signing-keys.js';

// A secret is used for a while after it was read.
const marginSeconds = 60;

export interface RegisterClientParts {
  readonly publicUrl: string;
  readonly outbound: Pick<ProviderOutbound, 'fetch'>;
  readonly registrations: Registrations;
  readonly clock: Clock;
  /** Remembers for administrators why an oauth client does not work; undefined: it does. */
  readonly note: (oauthClientId: string, failure: string | undefined) => Promise<void>;
}

/** Registers the vault itself as an oauth client (RFC 7591), once per server, and again when its secret has expired. */
export class RegisterClient {
  readonly #flights = new Map<string, Promise<StoredRegistration>>();

  constructor(private readonly parts: RegisterClientParts) {}

  /** The registration that counts now. Throws ProviderRefused. */
  async current(client: Stored<OAuthClient>, server: ServerMetadata): Promise<StoredRegistration> {
    const stored = await this.parts.registrations.of(client.id);
    if (stored && this.#counts(stored, client)) return stored;
    return this.#once(client, () => this.#renewed(client, server, stored));
  }

  /** Registers whether or not there is a registration: the server may have forgotten it. */
  async anew(client: Stored<OAuthClient>, server: ServerMetadata): Promise<StoredRegistration> {
    const stored = await this.parts.registrations.of(client.id);
    return this.#once(client, () => this.#register(client, server, stored));
  }

  #counts(stored: StoredRegistration, { document }: Stored<OAuthClient>): boolean {
    const { clientSecretExpiresAt: expiresAt } = stored;
    const isHere = stored.authorizationServer === authorizationServerOf(document);
    return isHere && (expiresAt === undefined || this.#lasts(expiresAt));
  }

  #lasts(expiresAt: number): boolean {
    return expiresAt - marginSeconds > this.parts.clock.now();
  }

  /** Row 34: whoever has come to another server meanwhile must not be given the secret of the one before. */
  #once(
    { id, document }: Stored<OAuthClient>,
    work: () => Promise<StoredRegistration>,
  ): Promise<StoredRegistration> {
    const key = `${id} ${authorizationServerOf(document)}`;
    const flight = this.#flights.get(key) ?? work().finally(() => this.#flights.delete(key));
    this.#flights.set(key, flight);
    return flight;
  }

  /** RFC 7592 first: with a new secret for the same client id, every refresh token stays good. */
  async #renewed(
    client: Stored<OAuthClient>,
    server: ServerMetadata,
    stored: StoredRegistration | undefined,
  ): Promise<StoredRegistration> {
    const isHere = stored?.authorizationServer === authorizationServerOf(client.document);
    const read = isHere ? await this.#readAgain(stored) : undefined;
    if (stored && read?.clientId === stored.clientId) {
      const { clientSecretExpiresAt: expiresAt } = read;
      if (expiresAt === undefined || this.#lasts(expiresAt))
        return this.#keep(client, stored, read, recordOf(client, read));
    }
    return this.#register(client, server, stored, (made) => recordOf(client, made));
  }

  async #readAgain(stored: StoredRegistration): Promise<Registration | undefined> {
    const { registrationClientUri: url, registrationAccessToken: token } = stored;
    if (url === undefined || token === undefined) return undefined;
    const answer = await this.#send(url, {
      headers: { accept: 'application/json', authorization: `Bearer ${token.reveal()}` },
    });
    const read = readRegistration(answer, stored);
    // RFC 7592 §2.1: what the answer leaves out stays.
    return read.ok
      ? {
          ...read.registration,
          registrationAccessToken: read.registration.registrationAccessToken ?? token,
          registrationClientUri: read.registration.registrationClientUri ?? url,
        }
      : undefined;
  }

  async #register(
    client: Stored<OAuthClient>,
    server: ServerMetadata,
    stored: StoredRegistration | undefined,
    recorded?: (made: Registration) => AuditRecord,
  ): Promise<StoredRegistration> {
    const { document } = client;
    const { registration_endpoint: endpoint } = server;
    if (endpoint === undefined)
      throw await this.#failed(client, 'The authorization server has no registration endpoint.');
    const answer = await this.#send(endpoint, {
      method: 'POST',
      headers: { accept: 'application/json', 'content-type': 'application/json' },
      body: JSON.stringify(clientMetadata(document, this.parts.publicUrl)),
    });
    if (answer.status >= 500 || answer.status === 429) throw away(answer.status);
    const read = readRegistration(answer, {
      authorizationServer: authorizationServerOf(document),
      clientAuth: document.clientAuth,
    });
    if (!read.ok) throw await this.#failed(client, read.detail);
    await this.parts.note(client.id, undefined);
    return this.#keep(client, stored, read.registration, recorded?.(read.registration));
  }

  /** Two replicas that register at once have one registration too many; the first one counts for both. */
  async #keep(
    client: Stored<OAuthClient>,
    before: StoredRegistration | undefined,
    ...[registration, record]: [Registration, AuditRecord | undefined]
  ): Promise<StoredRegistration> {
    const { registrations } = this.parts;
    const kept = await registrations.replace(client.id, before, registration, record);
    const counting = kept ?? (await registrations.of(client.id));
    if (counting?.authorizationServer === registration.authorizationServer) return counting;
    throw away(0);
  }

  async #send(url: string, init: RequestInit): Promise<{ status: number; text: string }> {
    const answer = await this.parts.outbound.fetch(url, init);
    return { status: answer.status, text: await answer.text() };
  }

  async #failed(client: Stored<OAuthClient>, detail: string): Promise<ProviderRefused> {
    await this.parts.note(client.id, detail);
    return new ProviderRefused({ ok: false, code: 'misconfigured', detail });
  }
}

/** Nobody asked for this one: it was needed on the way. Whoever asks for one anew records it with what it suspends. */
function recordOf({ id, document }: Stored<OAuthClient>, made: Registration): AuditRecord {
  const { clientId, authorizationServer } = made;
  return {
    action: 'oauth_client.registered',
    outcome: 'success',
    actor: { kind: 'vault' },
    target: { collection: 'oauth-clients', slug: document.slug, id },
    requestId: askedBy.getStore(),
    detail: { clientId, authorizationServer },
  };
}

function away(status: number): ProviderRefused {
  const detail = `the registration endpoint answered ${status}`;
  return new ProviderRefused({ ok: false, code: 'transient', detail });
}
