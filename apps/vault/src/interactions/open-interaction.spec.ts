import { PostgresAuditLog } from '../audit/postgres-audit-log.js';
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { PublishedEvent } from '#lib/contract/events';
import { freshDatabase } from '#lib/testing/postgres-fresh-database';
import type { FreshDatabase } from '#lib/testing/postgres-fresh-database';
import { PostgresDatabase } from '../database/postgres-database.js';
import type { Registry } from '../registry/registry-snapshot.js';
import { hashOf } from '../web/opaque.js';
import { ExpireInteractions } from './expire-interactions.js';
import { InteractionEvents } from './interaction-events.js';
import type { InteractionRequest } from './interactions.js';
import { OpenInteraction } from './open-interaction.js';
import { PostgresInteractionStore } from './postgres-interaction-store.js';

let fresh: FreshDatabase;
let database: PostgresDatabase;
let store: PostgresInteractionStore;
let opening: OpenInteraction;
let expire: ExpireInteractions;
let published: PublishedEvent[];
let request: InteractionRequest;

beforeAll(async () => {
  fresh = await freshDatabase();
  database = new PostgresDatabase({ url: fresh.vaultUrl, purpose: 'spec', maxConnections: 4 });
});
afterAll(async () => {
  await database.close();
  await fresh.drop();
});

beforeEach(async () => {
  const [issuerId, upstreamId] = await Promise.all([row('issuers'), row('upstreams')]);
  const named = (slug: string, name: string) => ({ document: { slug, name } });
  const registry = {
    current: () => ({
      issuerById: () => named('corporate', ''),
      upstreamById: () => named('snowdemo', 'Snowdemo'),
    }),
  } as unknown as Registry;
  published = [];
  const publisher = {
    publish: (_tx: unknown, event: PublishedEvent) => {
      published.push(event);
      return Promise.resolve();
    },
  };
  const events = new InteractionEvents(publisher, registry, new PostgresAuditLog());
  store = new PostgresInteractionStore(database);
  const place = { database, store, publicUrl: 'https://vault.example' };
  opening = new OpenInteraction(place, events, registry);
  expire = new ExpireInteractions(database, store, events);
  request = {
    issuerId,
    upstreamId,
    subject: 'alice@example.com',
    application: 'app',
    consumer: 'gateway',
    purpose: 'connect',
    scopes: ['read'],
    clientName: undefined,
  };
});

async function row(collection: string): Promise<string> {
  const slug = randomUUID();
  const document = JSON.stringify({ issuer: slug });
  const [made] = await database.query<{ id: string }>(
    'INSERT INTO registry_resource (collection, slug, document) VALUES ($1, $2, $3) RETURNING id',
    [collection, slug, document],
  );
  return made?.id ?? '';
}

const age = (id: string, seconds: number) =>
  database.query(
    'UPDATE interaction SET expires_at = expires_at - make_interval(secs => $2) WHERE id = $1',
    [id, seconds],
  );

describe('opening', () => {
  test('the second time continues the first, with a link of its own', async () => {
    const one = await opening.open(request);
    const two = await opening.open(request);
    expect(two.id).toBe(one.id);
    expect(two.uri).not.toBe(one.uri);
    expect(two.uri).toMatch(/^https:\/\/vault\.example\/connect\/[\w-]{43}$/);
    for (const { uri } of [one, two])
      expect((await store.byLink(hashOf(uri.split('/').at(-1) ?? '')))?.id).toBe(one.id);
  });

  test('another application, consumer, upstream or person has its own', async () => {
    const { id } = await opening.open(request);
    const others = await Promise.all([
      opening.open({ ...request, application: 'other' }),
      opening.open({ ...request, consumer: 'service' }),
      opening.open({ ...request, subject: 'Alice@example.com' }),
    ]);
    expect(new Set([id, ...others.map((other) => other.id)]).size).toBe(4);
  });

  test('scopes only grow, and growth is a new version', async () => {
    const { id } = await opening.open({ ...request, scopes: ['read', 'list'] });
    await opening.open({ ...request, scopes: ['read'] });
    expect(await opening.byId(id)).toMatchObject({ version: 1, scopes: ['list', 'read'] });
    await opening.open({ ...request, scopes: ['write'], purpose: 'scopes' });
    expect(await opening.byId(id)).toMatchObject({
      version: 2,
      scopes: ['list', 'read', 'write'],
      purpose: 'scopes',
    });
  });

  test('the ninth link closes the first', async () => {
    const links: string[] = [];
    for (let i = 0; i < 9; i += 1) links.push((await opening.open(request)).uri);
    const found = await Promise.all(
      links.map((uri) => store.byLink(hashOf(uri.split('/').at(-1) ?? ''))),
    );
    expect(found.map((one) => one !== undefined)).toEqual([false, ...Array(8).fill(true)]);
  });

  test('the message names the service and nobody', async () => {
    const { message, uri } = await opening.open(request);
    expect(message).toContain('Snowdemo');
    expect(message + uri).not.toContain('alice');
  });

  test('after it has ended there is a new one', async () => {
    const { id } = await opening.open(request);
    await database.transaction((tx) => store.step(tx, id, 'decline', { status: 'declined' }));
    expect((await opening.open(request)).id).not.toBe(id);
  });
});

describe('expiry', () => {
  test('is seen before it is swept', async () => {
    const { id } = await opening.open(request);
    await age(id, 600);
    expect(await opening.byId(id)).toMatchObject({ status: 'expired', expiresInSeconds: 0 });
  });

  test('a sweep ends each once and tells it', async () => {
    await expire.run();
    published.length = 0;
    const { id } = await opening.open(request);
    await age(id, 600);
    expect(await expire.run()).toBe(1);
    expect(await expire.run()).toBe(0);
    expect(published).toEqual([
      {
        type: 'interaction',
        issuer: 'corporate',
        subject: request.subject,
        interactionId: id,
        application: 'app',
        upstream: 'snowdemo',
        state: 'expired',
      },
    ]);
  });

  test('asking again after expiry ends the old one, tells it, and opens a new one', async () => {
    const old = await opening.open(request);
    await age(old.id, 600);
    const anew = await opening.open(request);
    expect(anew.id).not.toBe(old.id);
    expect(published).toMatchObject([{ interactionId: old.id, state: 'expired' }]);
  });

  test('asking again in time gives the full time', async () => {
    const { id } = await opening.open(request);
    await age(id, 500);
    await opening.open(request);
    expect((await opening.byId(id))?.expiresInSeconds).toBeGreaterThan(590);
  });

  test('a link that is older than ten minutes opens its interaction as expired', async () => {
    const { uri } = await opening.open(request);
    const hash = hashOf(uri.split('/').at(-1) ?? '');
    await database.query('UPDATE interaction_link SET expires_at = now() WHERE hash = $1', [hash]);
    await opening.open(request);
    expect(await store.byLink(hash)).toMatchObject({ status: 'expired' });
  });
});
