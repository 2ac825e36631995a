import { Problem } from '#lib/problem/problem';
import type { AuditActor, AuditLog } from '../audit/audit-log.js';
import type { Database } from '../database/database.js';
import type { OAuthClient } from '../registry/domain/oauth-client.js';
import type { Registry, RegistrySnapshot, Stored } from '../registry/registry-snapshot.js';
import type { PostgresRecoveryStore } from './postgres-recovery-store.js';
import type { Recovery } from './recovery.js';

export interface RequestRecoveryParts {
  readonly database: Database;
  readonly store: PostgresRecoveryStore;
  readonly registry: Registry;
  readonly audit: AuditLog;
}

export interface RecoveryRequester {
  readonly actor: AuditActor;
  readonly requestId: string;
}

export interface RecoveryWish {
  readonly backupTime: Date | undefined;
  readonly ratePerMinute: number;
  readonly breakerShare: number;
  /** Slug. */
  readonly oauthClient: string | undefined;
}

const releasedAtOnce = 1_000;

/** What administrators do with a recovery; workers carry it out. Each throws Problem. */
export class RequestRecovery {
  constructor(private readonly parts: RequestRecoveryParts) {}

  async start(wish: RecoveryWish, by: RecoveryRequester): Promise<Recovery> {
    const registry = await this.parts.registry.refresh();
    const only = wish.oauthClient === undefined ? undefined : clientOf(registry, wish.oauthClient);
    const { backupTime, ratePerMinute, breakerShare } = wish;
    const neverRotate = registry.oauthClients
      .filter(({ document }) => document.refresh?.rotation === 'never')
      .map(({ id }) => id);
    const plan = { backupTime, ratePerMinute, breakerShare, onlyClient: only?.id, neverRotate };
    const id = await this.parts.database.transaction(async (tx) => {
      const begun = await this.parts.store.begin(tx, plan, by.actor);
      if (begun === undefined)
        throw new Problem('conflict', 'A recovery is under way; its status says how far it is.');
      await this.parts.audit.record(tx, {
        ...{ action: 'recovery.started', outcome: 'success', ...by, target: { recoveryId: begun } },
        detail: { backupTime: backupTime ?? null, oauthClient: wish.oauthClient ?? null },
      });
      return begun;
    });
    // The mark has advanced the registry's version.
    await this.parts.registry.refresh();
    return this.#read(id);
  }

  /** Without `release` nothing more is tested, and what was not stays held. */
  async stop(id: string, release: boolean, by: RecoveryRequester): Promise<Recovery> {
    const { database, store } = this.parts;
    const { state } = await this.#read(id);
    // Marked by mistake: nothing is queued yet.
    const isOnlyMarked = state === 'held' && release;
    if (!isOnlyMarked)
      await this.#change(id, ['running', 'stopped'], 'stopped', by, 'recovery.stopped');
    if (!release) return this.#read(id);
    let freed: number;
    do freed = await database.transaction((tx) => store.release(tx, id, releasedAtOnce));
    while (freed > 0);
    await this.#change(id, ['held', 'stopped'], 'finished', by, 'recovery.released');
    return this.#read(id);
  }

  /** Goes on after a stop, and past the breaker where it has stopped a provider. */
  async goOn(
    id: string,
    oauthClient: string | undefined,
    by: RecoveryRequester,
  ): Promise<Recovery> {
    const registry = this.parts.registry.current();
    const client = oauthClient === undefined ? undefined : clientOf(registry, oauthClient);
    await this.#read(id);
    await this.parts.database.transaction(async (tx) => {
      const resumed = await this.parts.store.change(tx, id, ['stopped'], 'running');
      const confirmed = await this.parts.store.confirm(tx, id, client?.id);
      if (!resumed && confirmed === 0)
        throw new Problem('conflict', 'Nothing of this recovery was stopped.');
      await this.parts.audit.record(tx, {
        ...{ action: 'recovery.continued', outcome: 'success', ...by, target: { recoveryId: id } },
        detail: { oauthClient: oauthClient ?? null, providers: confirmed },
      });
    });
    return this.#read(id);
  }

  async #change(
    id: string,
    from: readonly Recovery['state'][],
    to: Recovery['state'],
    by: RecoveryRequester,
    action: string,
  ): Promise<void> {
    const { state } = await this.#read(id);
    await this.parts.database.transaction(async (tx) => {
      if (!(await this.parts.store.change(tx, id, from, to)))
        throw new Problem('conflict', `The recovery is ${state}.`);
      await this.parts.audit.record(tx, {
        ...{ action, outcome: 'success', ...by, target: { recoveryId: id } },
      });
    });
  }

  async #read(id: string): Promise<Recovery> {
    const found = await this.parts.store.byId(id);
    if (found) return found;
    throw new Problem('not-found', 'There is no such recovery.');
  }
}

function clientOf(registry: RegistrySnapshot, slug: string): Stored<OAuthClient> {
  const client = registry.oauthClient(slug);
  if (client) return client;
  throw new Problem('validation-failed', 'There is no such oauth client.', {
    errors: [
      {
        pointer: '/oauthClient',
        code: 'unknown-reference',
        detail: 'Give the slug of one that is registered.',
      },
    ],
  });
}
