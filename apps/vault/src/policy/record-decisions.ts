import type { DecisionReport, RefusedDecision } from '#lib/contract/gateway-reports';
import type { AuditRecord } from '../audit/audit-log.js';
import type { Refusals } from '../audit/refusals.js';
import type { MachineClient } from '../registry/domain/machine-client.js';

/** Puts what a gateway refused into the audit log, on its word, and for its own upstreams only. */
export class RecordDecisions {
  constructor(private readonly refusals: Refusals) {}

  /** `refused`: entries that this client has no business with. */
  async record(
    client: MachineClient,
    { decisions, lost }: DecisionReport,
  ): Promise<{ readonly recorded: number; readonly refused: number }> {
    const own = decisions.filter(({ upstream }) => mayReport(client, upstream));
    await Promise.all(own.map((one) => this.refusals.note(recordOf(client, one), one.count)));
    if (lost > 0) await this.refusals.note(lostRecord(client), lost);
    return { recorded: own.length, refused: decisions.length - own.length };
  }
}

/** A client speaks of the upstreams in its list, and of no others. */
export function mayReport({ upstreams }: MachineClient, upstream: string): boolean {
  return upstreams === '*' || upstreams.includes(upstream);
}

function recordOf({ slug: client }: MachineClient, one: RefusedDecision): AuditRecord {
  const { issuer, subject, application, upstream, method, tool, rule, because, requestId } = one;
  return {
    action: tool === undefined ? 'call.refused' : 'tool.refused',
    outcome: 'refused',
    actor: {
      kind: 'machine',
      client,
      ...(issuer === undefined ? {} : { issuer }),
      ...(subject === undefined ? {} : { subject }),
      ...(application === undefined ? {} : { application }),
    },
    target: {
      upstream,
      ...(method === undefined ? {} : { method }),
      ...(tool === undefined ? {} : { tool }),
    },
    requestId,
    detail: { because, ...(rule === undefined ? {} : { rule }) },
  };
}

function lostRecord({ slug: client }: MachineClient): AuditRecord {
  return {
    action: 'audit.refusals_omitted',
    outcome: 'refused',
    actor: { kind: 'machine', client },
    target: {},
    detail: { by: 'gateway' },
  };
}
