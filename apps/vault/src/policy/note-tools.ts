import type { ToolReport, ToolReportAnswer } from '#lib/contract/gateway-reports';
import type { AuditLog } from '../audit/audit-log.js';
import type { Database, Transaction } from '../database/database.js';
import type { EventPublisher } from '../events/event-publisher.js';
import type { MachineClient } from '../registry/domain/machine-client.js';
import type { Upstream } from '../registry/domain/upstream.js';
import type { Stored } from '../registry/registry-snapshot.js';
import type { WebhookOutbox } from '../webhooks/webhook-outbox.js';
import { judgeTools, type ToolVerdict } from './domain/judge-tools.js';
import type { PostgresUpstreamTools } from './postgres-upstream-tools.js';

export interface NoteToolsParts {
  readonly database: Database;
  readonly tools: PostgresUpstreamTools;
  readonly audit: AuditLog;
  readonly webhooks: WebhookOutbox;
  readonly events: EventPublisher;
}

export interface ToolSighting {
  readonly client: MachineClient;
  readonly upstream: Stored<Upstream>;
  readonly tools: ToolReport['tools'];
  readonly requestId: string;
}

// Names that a record or a message tells of; the rest is a number.
const mostNamed = 50;

/** Takes a gateway's word for what a server lists, and says what of it may be used. */
export class NoteTools {
  constructor(private readonly parts: NoteToolsParts) {}

  async note(sighting: ToolSighting): Promise<ToolReportAnswer> {
    const { toolChanges: mode = 'ignore' } = sighting.upstream.document;
    const { database, tools } = this.parts;
    return database.transaction(async (tx) => {
      if (mode === 'ignore')
        return { held: [], overflow: [], version: await tools.version(tx, { advance: false }) };
      await tools.takeTurn(tx, sighting.upstream.id);
      const names = [...new Set(sighting.tools.map(({ name }) => name))];
      const inventory = await tools.inventory(tx, sighting.upstream.id, names);
      const verdict = judgeTools(inventory, sighting.tools, mode);
      const version = await this.#announce(tx, sighting, verdict);
      await tools.write(tx, sighting.upstream.id, verdict);
      return { held: [...verdict.held], overflow: [...verdict.overflow], version };
    });
  }

  // Before the rows are written: who changes the registry takes its version first, too.
  async #announce(
    tx: Transaction,
    sighting: ToolSighting,
    { newNames, changedNames, heldNow }: ToolVerdict,
  ): Promise<string> {
    const { tools, events } = this.parts;
    const advance = heldNow.length > 0;
    const version = await tools.version(tx, { advance });
    if (advance) await events.publish(tx, { type: 'config', version });
    if (newNames.length + changedNames.length > 0)
      await this.#tell(tx, sighting, {
        added: newNames.slice(0, mostNamed),
        changed: changedNames.slice(0, mostNamed),
        more: moreThan(newNames) + moreThan(changedNames),
        held: sighting.upstream.document.toolChanges === 'hold',
      });
    return version;
  }

  async #tell(
    tx: Transaction,
    { client, upstream, requestId }: ToolSighting,
    detail: Readonly<Record<string, unknown>>,
  ): Promise<void> {
    const { slug } = upstream.document;
    await this.parts.audit.record(tx, {
      action: 'upstream.tools_changed',
      outcome: 'success',
      actor: { kind: 'machine', client: client.slug },
      target: { upstream: slug },
      requestId,
      detail,
    });
    const data = { upstream: slug, ...detail };
    await this.parts.webhooks.add(tx, { type: 'upstream.tools_changed', data });
  }
}

function moreThan(names: readonly string[]): number {
  return Math.max(names.length - mostNamed, 0);
}
