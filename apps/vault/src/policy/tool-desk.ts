import { Problem } from '#lib/problem/problem';
import type { AuditActor, AuditLog } from '../audit/audit-log.js';
import type { Database } from '../database/database.js';
import type { EventPublisher } from '../events/event-publisher.js';
import type { Upstream } from '../registry/domain/upstream.js';
import type { Registry, Stored } from '../registry/registry-snapshot.js';
import type { KnownTool } from './domain/judge-tools.js';
import type { PostgresUpstreamTools } from './postgres-upstream-tools.js';

export interface ToolDeskParts {
  readonly database: Database;
  readonly registry: Registry;
  readonly tools: PostgresUpstreamTools;
  readonly audit: AuditLog;
  readonly events: EventPublisher;
}

interface Asking {
  readonly actor: AuditActor;
  readonly requestId: string;
}

// Names that a record tells of; the rest is a number.
const mostNamed = 50;

/** What an administrator sees of an upstream's tools, lets through, and has learnt anew. All throw Problem. */
export class ToolDesk {
  constructor(private readonly parts: ToolDeskParts) {}

  async list(slug: string) {
    const { id, document } = await this.#upstream(slug);
    const items = await this.parts.tools.list(id);
    return { upstream: slug, toolChanges: document.toolChanges ?? 'ignore', items };
  }

  /** Without names: all that wait. */
  async approve(
    slug: string,
    names: readonly string[] | undefined,
    by: Asking,
  ): Promise<{ readonly upstream: string; readonly approved: readonly string[] }> {
    const { id } = await this.#upstream(slug);
    const { database, tools, audit, events } = this.parts;
    return database.transaction(async (tx) => {
      await tools.takeTurn(tx, id);
      const version = await tools.version(tx, { advance: true });
      const waited = await tools.approve(tx, id, names);
      const approved = namesOf(waited);
      await events.publish(tx, { type: 'config', version });
      if (approved.length > 0)
        await audit.record(tx, {
          action: 'upstream.tools_approved',
          outcome: 'success',
          actor: by.actor,
          target: { upstream: slug },
          requestId: by.requestId,
          detail: { names: approved },
        });
      return { upstream: slug, approved };
    });
  }

  /** Everything: what the server lists next is taken as it is, as at first sight. */
  async forget(
    slug: string,
    by: Asking,
  ): Promise<{ readonly upstream: string; readonly forgotten: number }> {
    const { id } = await this.#upstream(slug);
    const { database, tools, audit, events } = this.parts;
    return database.transaction(async (tx) => {
      await tools.takeTurn(tx, id);
      const version = await tools.version(tx, { advance: true });
      const known = await tools.forget(tx, id);
      const forgotten = namesOf(known).length;
      const held = namesOf(known.filter(({ state }) => state === 'held'));
      await events.publish(tx, { type: 'config', version });
      await audit.record(tx, {
        action: 'upstream.tools_forgotten',
        outcome: 'success',
        actor: by.actor,
        target: { upstream: slug },
        requestId: by.requestId,
        detail: { tools: forgotten, held: held.length, heldNames: held.slice(0, mostNamed) },
      });
      return { upstream: slug, forgotten };
    });
  }

  async #upstream(slug: string): Promise<Stored<Upstream>> {
    const upstream = (await this.parts.registry.refresh()).upstream(slug);
    if (upstream) return upstream;
    throw new Problem('not-found', `There is no upstream "${slug}".`);
  }
}

function namesOf(tools: readonly KnownTool[]): string[] {
  return [...new Set(tools.map(({ name }) => name))].sort();
}
