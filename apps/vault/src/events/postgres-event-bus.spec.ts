import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { SynchronisedClock } from '#lib/clock/clock';
import type { PublishedEvent } from '#lib/contract/events';
import { createLogger } from '#lib/observability/logger';
import { freshDatabase } from '#lib/testing/postgres-fresh-database';
import { queryDatabase } from '#lib/testing/postgres-query';
import { PostgresDatabase } from '../database/postgres-database.js';
import { type BusMessage, PostgresEventBus } from './postgres-event-bus.js';

const event: PublishedEvent = { type: 'session-ended', nonce: 'nonce-of-a-session-0' };
const logger = createLogger({ app: 'test', level: 'silent' });

let fresh: Awaited<ReturnType<typeof freshDatabase>>;
let database: PostgresDatabase;
let buses: PostgresEventBus[];

beforeAll(async () => {
  fresh = await freshDatabase();
  database = new PostgresDatabase({ url: fresh.vaultUrl, purpose: 'test', maxConnections: 4 });
  buses = [1, 2].map(() => new PostgresEventBus(fresh.vaultUrl, new SynchronisedClock(), logger));
  await Promise.all(buses.map((bus) => bus.start()));
});

afterAll(async () => {
  await Promise.all(buses.map((bus) => bus.stop()));
  await database.close();
  await fresh.drop();
});

describe('the event bus', () => {
  it('brings a committed event to every replica, and a rolled back one to none', async () => {
    const heard = buses.map((bus) => {
      const messages: BusMessage[] = [];
      bus.onEvent((message) => messages.push(message));
      return messages;
    });
    const failed = database.transaction(async (tx) => {
      await buses[0]!.publish(tx, { type: 'session-ended', nonce: 'rolled-back-session' });
      throw new Error('no');
    });
    await expect(failed).rejects.toThrow('no');
    await database.transaction((tx) => buses[0]!.publish(tx, event));
    await vi.waitFor(() => expect(heard).toEqual([[event], [event]]));
  });

  it('beats with database time on the connection that listens', async () => {
    const beats: number[] = [];
    const stop = buses[0]!.onMessage(
      (message) => message.type === 'heartbeat' && beats.push(message.at),
      () => undefined,
    );
    await vi.waitFor(() => expect(beats.length).toBeGreaterThan(0), { timeout: 3_000 });
    stop();
    expect(Math.abs(beats[0]! - Date.now() / 1000)).toBeLessThan(5);
  });

  it('ends every stream once when its connection is lost, and listens again by itself', async () => {
    let lost = 0;
    buses[0]!.onMessage(
      () => undefined,
      () => (lost += 1),
    );
    await queryDatabase(
      fresh.url,
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'symbolon-vault-events'
       AND datname = current_database()`,
    );
    await vi.waitFor(() => expect(lost).toBe(1), { timeout: 3_000 });
    await vi.waitFor(() => expect(buses[0]!.connected).toBe(true), { timeout: 5_000 });
    const heard: BusMessage[] = [];
    buses[0]!.onEvent((message) => heard.push(message));
    await database.transaction((tx) => buses[1]!.publish(tx, event));
    await vi.waitFor(() => expect(heard).toEqual([event]));
  });
});
