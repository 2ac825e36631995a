import type { AuditActor, AuditLog } from '../audit/audit-log.js';
import type { Database, Transaction } from '../database/database.js';
import type { EndPerson } from '../leavers/end-person.js';
import type { Leaver } from '../leavers/leaver.js';
import type { LiftBar } from '../leavers/lift-bar.js';
import type { PostgresLeaverStore } from '../leavers/postgres-leaver-store.js';
import { patchUser } from './domain/scim-patch.js';
import { ScimRefusal } from './domain/scim-refusal.js';
import { readUser, type ScimAttributes, subjectOf } from './domain/scim-user.js';
import type { ScimCaller } from './scim-caller.js';
import type { PostgresScimUsers, StoredUser } from './postgres-scim-users.js';

export interface ProvisionParts {
  readonly database: Database;
  readonly users: PostgresScimUsers;
  readonly leavers: Pick<PostgresLeaverStore, 'barOf'>;
  readonly ending: EndPerson;
  readonly lifting: LiftBar;
  readonly audit: AuditLog;
}

interface Changed<T> {
  readonly answer: T;
  /** To be carried out after the commit. */
  readonly left: readonly Leaver[];
}

const inactive = 'The identity provider says that the person is not active.';
const removed = 'The identity provider has removed the person.';
const renamed = 'The identity provider has given the person another subject.';

/**
 * What an identity provider says of its people, and what follows: whoever is not active, or no longer named, has
 * left; whoever is active has no bar of ours. A user's row and the bar are one transaction.
 */
export class ProvisionUser {
  constructor(private readonly parts: ProvisionParts) {}

  create(caller: ScimCaller, body: unknown): Promise<StoredUser> {
    const user = this.#named(caller, readUser(body));
    return this.#change(async (tx) => {
      const stored = await this.parts.users.add(tx, caller.issuerId, user);
      if (stored === undefined) throw taken();
      const left = await this.#follow(tx, caller, stored);
      await this.#record(tx, caller, 'scim.user_created', stored);
      return { answer: stored, left };
    });
  }

  replace(caller: ScimCaller, id: string, body: unknown): Promise<StoredUser> {
    return this.#update(caller, id, (before) => readUser(body, before));
  }

  patch(caller: ScimCaller, id: string, body: unknown): Promise<StoredUser> {
    return this.#update(caller, id, (before) => patchUser(before, body));
  }

  remove(caller: ScimCaller, id: string): Promise<void> {
    return this.#change(async (tx) => {
      const before = await this.#locked(tx, caller, id);
      await this.parts.users.remove(tx, caller.issuerId, id);
      const left = await this.#end(tx, caller, before.subject, removed);
      await this.#record(tx, caller, 'scim.user_removed', before);
      return { answer: undefined, left };
    });
  }

  #update(
    caller: ScimCaller,
    id: string,
    next: (before: StoredUser) => ScimAttributes,
  ): Promise<StoredUser> {
    return this.#change(async (tx) => {
      const before = await this.#locked(tx, caller, id);
      const user = this.#named(caller, next(before));
      const stored = await this.parts.users.change(tx, caller.issuerId, id, user);
      if (stored === undefined) throw taken();
      const left = await this.#follow(tx, caller, stored);
      if (before.subject !== stored.subject)
        left.push(...(await this.#end(tx, caller, before.subject, renamed)));
      await this.#record(tx, caller, 'scim.user_changed', stored);
      return { answer: stored, left };
    });
  }

  /** One transaction, then what it ordered. */
  async #change<T>(work: (tx: Transaction) => Promise<Changed<T>>): Promise<T> {
    const { answer, left } = await this.parts.database.transaction(work);
    for (const leaver of left) await this.parts.ending.carryOut(leaver);
    return answer;
  }

  async #locked(tx: Transaction, { issuerId }: ScimCaller, id: string): Promise<StoredUser> {
    const found = await this.parts.users.lock(tx, issuerId, id);
    if (found === undefined) throw noSuchUser();
    return found;
  }

  #named(caller: ScimCaller, { userName, externalId, active }: ScimAttributes) {
    const user = { userName, externalId, active };
    return { ...user, subject: subjectOf(user, caller.subjectAttribute) };
  }

  async #follow(tx: Transaction, caller: ScimCaller, user: StoredUser): Promise<Leaver[]> {
    if (!user.active) return this.#end(tx, caller, user.subject, inactive);
    const bar = await this.parts.leavers.barOf(tx, { ...caller, subject: user.subject });
    const by = { actor: actorOf(caller), requestId: caller.requestId };
    if (bar) await this.parts.lifting.lift(tx, bar.id, by, 'scim');
    return [];
  }

  /** Whoever is barred has been ended already. */
  async #end(
    tx: Transaction,
    caller: ScimCaller,
    subject: string,
    reason: string,
  ): Promise<Leaver[]> {
    const { issuerId, issuer, requestId } = caller;
    if (await this.parts.leavers.barOf(tx, { issuerId, subject })) return [];
    const order = { issuerId, issuer, subject, reason, requestId, source: 'scim' } as const;
    const { leaver } = await this.parts.ending.order(tx, { ...order, by: actorOf(caller) });
    return [leaver];
  }

  #record(
    tx: Transaction,
    caller: ScimCaller,
    action: string,
    { id, subject, active }: StoredUser,
  ): Promise<void> {
    const { issuer, requestId } = caller;
    return this.parts.audit.record(tx, {
      ...{ action, outcome: 'success', actor: actorOf(caller), requestId },
      target: { scimUser: id, issuer, subject },
      detail: { active },
    });
  }
}

function actorOf({ issuer }: ScimCaller): AuditActor {
  return { kind: 'machine', client: 'scim', issuer };
}

export function noSuchUser(): ScimRefusal {
  return new ScimRefusal(404, undefined, 'There is no such user.');
}

function taken(): ScimRefusal {
  return new ScimRefusal(
    409,
    'uniqueness',
    'Another user has this userName, or is the same person by the attribute that names the subject.',
  );
}
