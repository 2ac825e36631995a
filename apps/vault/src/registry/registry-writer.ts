import { Problem } from '#lib/problem/problem';
import type { AuditLog } from '../audit/audit-log.js';
import type { Database, Transaction } from '../database/database.js';
import type { EventPublisher } from '../events/event-publisher.js';
import type {
  CarriedOutEffect,
  ChangeReport,
  ChangeRequest,
  PlannedChange,
} from './change-request.js';
import type { Effect } from './domain/collection.js';
import { pointerOf } from './domain/json.js';
import { planChanges } from './plan-changes.js';
import type { PostgresRegistryStore } from './postgres-registry-store.js';
import type { ChangeAuthority, RegistryEffects } from './registry-effects.js';
import type { RegistryRow } from './registry-row.js';
import type { Registry } from './registry-snapshot.js';
import type { ResourceChecks } from './resource-checks.js';

const maxAttempts = 10;

export interface RegistryWriterParts {
  readonly database: Database;
  readonly store: PostgresRegistryStore;
  readonly registry: Registry;
  readonly checks: ResourceChecks;
  readonly effects: RegistryEffects;
  readonly audit: AuditLog;
  readonly events: EventPublisher;
}

/** Thrown to undo a dry run after it has done everything a real one does. */
class DryRunOver extends Error {
  constructor(readonly reports: readonly ChangeReport[]) {
    super('dry run');
  }
}

/**
 * Changes the registry. What a change comes to is worked out on one version, without a transaction (addresses are
 * called meanwhile), and written only if that version still stands; else it is worked out again.
 */
export class RegistryWriter {
  #turn: Promise<unknown> = Promise.resolve();

  constructor(private readonly parts: RegistryWriterParts) {}

  /** All requests or none, in order. Throws Problem. */
  change(
    requests: readonly ChangeRequest[],
    authority: ChangeAuthority,
    options: { readonly dryRun: boolean },
  ): Promise<readonly ChangeReport[]> {
    const work = async () => {
      const reports = await this.#untilUndisturbed(requests, authority, options);
      if (!options.dryRun) await this.parts.registry.refresh();
      return reports;
    };
    // Writers of one replica queue up instead of disturbing each other.
    const turn = this.#turn.then(work, work);
    this.#turn = turn.catch(() => undefined);
    return turn;
  }

  async #untilUndisturbed(
    requests: readonly ChangeRequest[],
    authority: ChangeAuthority,
    { dryRun }: { readonly dryRun: boolean },
  ): Promise<readonly ChangeReport[]> {
    for (let attempt = 0; attempt < maxAttempts; attempt += 1) {
      const { version, rows } = await this.parts.store.load();
      const { checks, store } = this.parts;
      const secrets = (id: string, name: string) => store.secrets(id, name);
      const plans = await planChanges(requests, rows, { checks, authority, secrets });
      const reports = await this.#write(plans, { version, authority, dryRun });
      if (reports) return reports;
    }
    throw new Problem('temporarily-unavailable', 'Others change the registry now. Try again.', {
      headers: { 'retry-after': '1' },
    });
  }

  /** Undefined when the registry has changed since `version`. */
  async #write(
    plans: readonly PlannedChange[],
    run: { version: number; authority: ChangeAuthority; dryRun: boolean },
  ): Promise<readonly ChangeReport[] | undefined> {
    if (plans.every(isIdle)) return plans.map(unchanged);
    try {
      return await this.parts.database.transaction(async (tx) => {
        const version = await this.parts.store.advance(tx, run.version);
        if (version === undefined) return undefined;
        const reports: ChangeReport[] = [];
        for (const plan of plans) reports.push(await this.#carryOut(tx, plan, run.authority));
        await this.parts.events.publish(tx, { type: 'config', version: String(version) });
        if (run.dryRun) throw new DryRunOver(reports);
        return reports;
      });
    } catch (error) {
      if (error instanceof DryRunOver) return error.reports;
      throw error;
    }
  }

  async #carryOut(
    tx: Transaction,
    plan: PlannedChange,
    authority: ChangeAuthority,
  ): Promise<ChangeReport> {
    if (isIdle(plan)) return unchanged(plan);
    const { row, effects, action } =
      plan.document === undefined
        ? await this.#remove(tx, plan)
        : await this.#save(tx, plan, plan.document);
    const secretNames = [...plan.secrets.keys()];
    await this.parts.audit.record(tx, {
      action: plan.request.move ? 'issuer.moved' : `registry.${action}`,
      outcome: 'success',
      actor: authority.actor,
      target: { collection: plan.request.collection.name, slug: plan.slug, id: row.id },
      requestId: authority.requestId,
      detail: {
        version: row.version,
        ...plan.request.move,
        changed: plan.changes.map(({ pointer }) => pointer),
        secrets: secretNames,
        effects: effects.map(({ kind, count }) => ({ kind, count })),
      },
    });
    const { collection } = plan.request;
    return {
      collection: collection.name,
      slug: plan.slug,
      action,
      changes: plan.changes,
      effects: [...effects, ...announcements(plan)],
      row: action === 'deleted' ? undefined : { ...row, ...keptFacts(plan) },
    };
  }

  async #save(tx: Transaction, plan: PlannedChange, document: object) {
    const { store } = this.parts;
    const { collection } = plan.request;
    const { before, slug, checkFailure } = plan;
    const content = { document: { ...document }, checkFailure };
    const row = before
      ? await store.update(tx, before.id, content)
      : await store.insert(tx, { collection: collection.name, slug, ...content });
    for (const [name, values] of plan.secrets) await store.setSecret(tx, row.id, name, values);
    const effects: CarriedOutEffect[] = [];
    for (const effect of before ? collection.effects(before.document, document) : [])
      effects.push(await this.#react(tx, row, effect));
    return { row, effects, action: before ? ('updated' as const) : ('created' as const) };
  }

  async #remove(tx: Transaction, { before, slug, request }: PlannedChange) {
    if (before === undefined) throw new Error('A removal was planned for nothing.');
    const { dependents } = this.parts.effects;
    const living = await dependents.living(tx, before);
    if (living.length > 0)
      throw new Problem(
        'in-use',
        `The ${request.collection.noun} "${slug}" still has ${living.join(' and ')}. Revoke them first.`,
        { extra: { dependents: living } },
      );
    await dependents.forget(tx, before);
    await this.parts.store.remove(tx, before.id);
    return { row: before, effects: [], action: 'deleted' as const };
  }

  async #react(tx: Transaction, row: RegistryRow, effect: Effect): Promise<CarriedOutEffect> {
    const { grants, consents, sessions } = this.parts.effects;
    const { kind, reason } = effect;
    switch (kind) {
      case 'suspend-grants':
        return {
          kind,
          detail: reason,
          count: await grants.suspend(
            tx,
            { oauthClientId: row.id, ...(effect.moved ? { moved: true } : {}) },
            reason,
          ),
        };
      case 'void-consents':
        return { kind, detail: reason, count: await consents.voidAll(tx, row, reason) };
      case 'end-sessions':
        return { kind, detail: reason, count: await sessions.endAll(tx, row.id) };
    }
  }
}

function isIdle(plan: PlannedChange): boolean {
  return plan.before !== undefined && plan.changes.length === 0 && plan.secrets.size === 0;
}

function unchanged(plan: PlannedChange): ChangeReport {
  return {
    collection: plan.request.collection.name,
    slug: plan.slug,
    action: 'unchanged',
    changes: [],
    effects: announcements(plan),
    row: plan.before,
  };
}

function announcements({ secrets, warnings }: PlannedChange): CarriedOutEffect[] {
  return [
    ...[...secrets].map(([name, values]) => ({
      kind: 'set-secret' as const,
      detail: `${pointerOf(name.split('.'))} ${values.length === 0 ? 'is removed' : 'is replaced'}`,
      count: values.length,
    })),
    ...warnings.map((detail) => ({ kind: 'warning' as const, detail })),
  ];
}

/** What stands beside the document, and stays when it changes. */
function keptFacts(plan: PlannedChange) {
  return { secretsSet: secretsAfter(plan), registered: plan.before?.registered };
}

function secretsAfter({ before, secrets }: PlannedChange): string[] {
  const names = new Set(before?.secretsSet);
  for (const [name, values] of secrets) {
    if (values.length === 0) names.delete(name);
    else names.add(name);
  }
  return [...names].sort();
}
