import { findApplication } from '#lib/access/application-rule';
import type { CollectionName } from './domain/collection.js';
import { collections } from './collections.js';
import type { Application } from './domain/application.js';
import type { Issuer } from './domain/issuer.js';
import type { MachineClient } from './domain/machine-client.js';
import type { OAuthClientDocument } from './domain/oauth-client-document.js';
import type { UpstreamDocument } from './domain/upstream.js';
import type { Webhook } from './domain/webhook.js';
import { effective } from './effective-oauth-client.js';
import { effectiveUpstream } from './effective-upstream.js';
import type { RegistryRow, RegistryRows } from './registry-row.js';
import type { ApplicationStanding, RegistrySnapshot, Stored } from './registry-snapshot.js';

/** The registry as features read it. Documents are parsed again, so that fields added since have their defaults. */
export function snapshotOf({ version, rows }: RegistryRows): RegistrySnapshot {
  const stored = <T>(name: CollectionName): readonly Stored<T>[] =>
    rows.filter((row) => row.collection === name).map((row) => storedOf<T>(row));
  const issuers = stored<Issuer>('issuers');
  const applications = stored<Application>('applications');
  const oauthClients = stored<OAuthClientDocument>('oauth-clients').map((one) =>
    Object.freeze({ ...one, document: Object.freeze(effective(one.document)) }),
  );
  const oauthClient = bySlug(oauthClients);
  const upstreams = stored<UpstreamDocument>('upstreams').map((one) =>
    Object.freeze({ ...one, document: effectiveUpstream(one.document, oauthClient) }),
  );
  const machineClients = stored<MachineClient>('machine-clients');
  const webhooks = stored<Webhook>('webhooks');
  return Object.freeze({
    version,
    issuers,
    applications,
    oauthClients,
    upstreams,
    machineClients,
    webhooks,
    issuer: bySlug(issuers),
    issuerById: byId(issuers),
    oauthClient,
    oauthClientById: byId(oauthClients),
    upstream: bySlug(upstreams),
    upstreamById: byId(upstreams),
    machineClient: bySlug(machineClients),
    webhook: bySlug(webhooks),
    webhookById: byId(webhooks),
    heldTools: heldTools(rows),
    toolInventory: toolInventory(rows),
    standing: standings(applications),
  });
}

function storedOf<T>(row: RegistryRow): Stored<T> {
  const document = collections[row.collection].schema.parse(row.document) as T;
  return Object.freeze({ id: row.id, version: row.version, document: Object.freeze(document) });
}

function bySlug<T extends { slug: string }>(all: readonly Stored<T>[]) {
  const index = new Map(all.map((one) => [one.document.slug, one]));
  return (slug: string) => index.get(slug);
}

function byId<T>(all: readonly Stored<T>[]) {
  const index = new Map(all.map((one) => [one.id, one]));
  return (id: string) => index.get(id);
}

function heldTools(rows: RegistryRows['rows']) {
  const held = new Map(rows.flatMap(({ id, heldTools: names }) => (names ? [[id, names]] : [])));
  return (upstreamId: string): readonly string[] => held.get(upstreamId) ?? [];
}

function toolInventory(rows: RegistryRows['rows']) {
  const forgotten = new Map(rows.map(({ id, toolsForgotten: times = 0 }) => [id, times]));
  return (upstreamId: string): string => `${upstreamId}:${forgotten.get(upstreamId) ?? 0}`;
}

function standings(stored: readonly Stored<Application>[]) {
  const applications = stored.map(({ document }) => document);
  return (issuerSlug: string, clientId: string): ApplicationStanding => {
    const found = findApplication(clientId, issuerSlug, applications);
    return found ? { name: found.name, trust: found.trust } : { name: clientId, trust: 'unknown' };
  };
}
