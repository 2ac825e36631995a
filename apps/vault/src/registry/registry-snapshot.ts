import type { Application } from './domain/application.js';
import type { Issuer } from './domain/issuer.js';
import type { MachineClient } from './domain/machine-client.js';
import type { OAuthClient } from './domain/oauth-client.js';
import type { Upstream } from './domain/upstream.js';
import type { Webhook } from './domain/webhook.js';

/** A stored resource: the row's id and version around the validated document (secrets left out). */
export interface Stored<T> {
  readonly id: string;
  readonly version: number;
  readonly document: T;
}

export interface ApplicationStanding {
  readonly name: string;
  readonly trust: 'known' | 'unknown' | 'blocked';
}

/** The whole registry at one version, in memory; immutable. */
export interface RegistrySnapshot {
  readonly version: number;
  readonly issuers: readonly Stored<Issuer>[];
  readonly applications: readonly Stored<Application>[];
  readonly oauthClients: readonly Stored<OAuthClient>[];
  readonly upstreams: readonly Stored<Upstream>[];
  readonly machineClients: readonly Stored<MachineClient>[];
  readonly webhooks: readonly Stored<Webhook>[];
  issuer(slug: string): Stored<Issuer> | undefined;
  issuerById(id: string): Stored<Issuer> | undefined;
  oauthClient(slug: string): Stored<OAuthClient> | undefined;
  oauthClientById(id: string): Stored<OAuthClient> | undefined;
  upstream(slug: string): Stored<Upstream> | undefined;
  upstreamById(id: string): Stored<Upstream> | undefined;
  machineClient(slug: string): Stored<MachineClient> | undefined;
  webhook(slug: string): Stored<Webhook> | undefined;
  webhookById(id: string): Stored<Webhook> | undefined;
  /** Tools of an upstream, by its id, that changed and wait for an administrator. */
  heldTools(upstreamId: string): readonly string[];
  /** Names what is known of the tools of an upstream, by its id: another one once that was forgotten. */
  toolInventory(upstreamId: string): string;
  /** How far an application of an issuer is trusted: exact client id first, then patterns. */
  standing(issuerSlug: string, clientId: string): ApplicationStanding;
}

/** What other features read of the registry. Kept current by NOTIFY; `refresh` waits for the newest. */
export interface Registry {
  current(): RegistrySnapshot;
  refresh(): Promise<RegistrySnapshot>;
  /** Live values of a write-only secret (`clientSecret`, `login.clientSecret`), newest first. */
  secrets(
    resourceId: string,
    name: string,
  ): Promise<readonly import('#lib/secret/secret').Secret[]>;
}
