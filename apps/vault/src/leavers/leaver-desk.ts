import { setTimeout as sleep } from 'node:timers/promises';
import { canonicalDigest } from '#lib/audit-chain/canonical-digest';
import { Problem } from '#lib/problem/problem';
import type { AuditActor } from '../audit/audit-log.js';
import type { Database } from '../database/database.js';
import type { Registry } from '../registry/registry-snapshot.js';
import type { Receipt } from './domain/receipt.js';
import type { EndPerson } from './end-person.js';
import type { Leaver, LeaverSource } from './leaver.js';
import type { LiftBar } from './lift-bar.js';
import type {
  ChainedHead,
  LeaverRecord,
  PostgresLeaverRecords,
} from './postgres-leaver-records.js';
import type { LeaverFilter, PostgresLeaverStore } from './postgres-leaver-store.js';
import type { SettleLeaver } from './settle-leaver.js';
import { writeReceipt } from './write-receipt.js';

/** `ending`: not all is over here yet · `waiting`: for providers · `complete`: the receipt is final. */
export type LeaverStatus = 'ending' | 'waiting' | 'complete';

export interface LeaverSummary {
  readonly id: string;
  readonly issuer: string;
  readonly subject: string;
  readonly status: LeaverStatus;
  readonly orderedAt: Date;
  readonly bar: {
    readonly inForce: boolean;
    readonly setBy: LeaverSource;
    readonly liftedAt: Date | null;
    readonly liftedBy: AuditActor | null;
  };
}

export interface LeaverEntry extends LeaverSummary {
  readonly receipt: Receipt;
  /** Of `receipt` as RFC 8785 writes it; once final, record `leaver.settled` of the audit log holds the same. */
  readonly digest: { readonly sha256: string; readonly final: boolean };
  readonly audit: { readonly records: readonly LeaverRecord[]; readonly head: ChainedHead | null };
}

export interface LeaverDeskParts {
  readonly database: Database;
  readonly registry: Registry;
  readonly leavers: PostgresLeaverStore;
  readonly records: PostgresLeaverRecords;
  readonly ending: EndPerson;
  readonly settling: SettleLeaver;
  readonly lifting: LiftBar;
}

interface Asked {
  readonly issuer: string;
  readonly subject: string;
  readonly reason: string | undefined;
}

interface By {
  readonly actor: AuditActor;
  readonly requestId: string;
}

const waitMs = 5_000;
const lookMs = 100;

/** What administrators do about people who leave. */
export class LeaverDesk {
  constructor(private readonly parts: LeaverDeskParts) {}

  /** Ends everything, then gives the providers five seconds to answer. Rejects with Problem. */
  async end({ issuer: slug, subject, reason }: Asked, by: By): Promise<LeaverEntry> {
    const { registry, database, ending } = this.parts;
    const issuer = (await registry.refresh()).issuer(slug);
    if (issuer === undefined) throw unknownIssuer();
    const order = { issuerId: issuer.id, issuer: slug, subject, reason, source: 'admin' } as const;
    const { leaver } = await database.transaction((tx) =>
      ending.order(tx, { ...order, by: by.actor, requestId: by.requestId }),
    );
    await ending.carryOut(leaver);
    await this.#giveProvidersTime(leaver);
    return this.show(leaver.id);
  }

  async show(id: string): Promise<LeaverEntry> {
    const leaver = await this.#known(id);
    const [receipt, records, head] = await Promise.all([
      this.#receiptOf(leaver),
      this.parts.records.of(leaver),
      this.parts.records.head(),
    ]);
    return {
      ...summaryOf(leaver),
      receipt,
      digest: { sha256: canonicalDigest(receipt), final: leaver.receipt !== null },
      audit: { records, head: head ?? null },
    };
  }

  async list(
    filter: LeaverFilter,
    page: { readonly before: string; readonly limit: number },
  ): Promise<{ position: string; entry: LeaverSummary }[]> {
    const found = await this.parts.leavers.list(filter, page);
    return found.map((leaver) => ({ position: leaver.number, entry: summaryOf(leaver) }));
  }

  /** The person may begin anew; what was ended stays ended. A second time changes nothing. */
  async lift(id: string, by: By): Promise<LeaverEntry> {
    await this.#known(id);
    const { database, lifting } = this.parts;
    await database.transaction((tx) => lifting.lift(tx, id, by));
    return this.show(id);
  }

  async #known(id: string): Promise<Leaver> {
    const leaver = await this.parts.leavers.byId(id);
    if (leaver === undefined) throw new Problem('not-found', 'There is no such leaver.');
    return leaver;
  }

  /** As it was settled, or as it stands now. */
  async #receiptOf(leaver: Leaver): Promise<Receipt> {
    if (leaver.receipt !== null) return leaver.receipt as unknown as Receipt;
    const { leavers } = this.parts;
    const [connections, revocations] = await Promise.all([
      leavers.connections(leaver.id),
      leavers.revocations(leaver),
    ]);
    return writeReceipt(leaver, connections, revocations);
  }

  /** Until each has been asked once; one that hangs is told of as pending. */
  async #giveProvidersTime(leaver: Leaver): Promise<void> {
    const { leavers, settling } = this.parts;
    const until = performance.now() + waitMs;
    while (!(await leavers.isAsked(leaver)) && performance.now() < until) await sleep(lookMs);
    await settling.settle(leaver.id);
  }
}

function summaryOf(leaver: Leaver): LeaverSummary {
  const { id, issuer, subject, orderedAt, source: setBy, liftedAt, liftedBy } = leaver;
  return {
    ...{ id, issuer, subject, status: statusOf(leaver), orderedAt },
    bar: { inForce: liftedAt === null, setBy, liftedAt, liftedBy },
  };
}

function statusOf({ endedAt, settledAt }: Leaver): LeaverStatus {
  if (endedAt === null) return 'ending';
  return settledAt === null ? 'waiting' : 'complete';
}

function unknownIssuer(): Problem {
  return new Problem('validation-failed', 'There is no such issuer.', {
    errors: [
      { pointer: '/issuer', code: 'unknown', detail: 'Give the slug of a registered issuer.' },
    ],
  });
}
