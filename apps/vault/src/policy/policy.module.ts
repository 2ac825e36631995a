import { Global, Module } from '@nestjs/common';
import type { AuditLog } from '../audit/audit-log.js';
import type { Refusals } from '../audit/refusals.js';
import type { PostgresDatabase } from '../database/postgres-database.js';
import type { EventPublisher } from '../events/event-publisher.js';
import type { Registry } from '../registry/registry-snapshot.js';
import { AUDIT_LOG, DATABASE, EVENT_PUBLISHER, REFUSALS, REGISTRY } from '../tokens.js';
import { PostgresWebhookStore } from '../webhooks/postgres-webhook-store.js';
import { GatewayReportsController } from './gateway-reports.controller.js';
import { NoteTools } from './note-tools.js';
import { PostgresUpstreamTools } from './postgres-upstream-tools.js';
import { RecordDecisions } from './record-decisions.js';
import { ToolDesk } from './tool-desk.js';

/** What gateways tell of their decisions and of the servers' tools. */
@Global()
@Module({
  controllers: [GatewayReportsController],
  providers: [
    {
      provide: PostgresUpstreamTools,
      useFactory: (database: PostgresDatabase) => new PostgresUpstreamTools(database),
      inject: [DATABASE],
    },
    {
      provide: RecordDecisions,
      useFactory: (refusals: Refusals) => new RecordDecisions(refusals),
      inject: [REFUSALS],
    },
    {
      provide: NoteTools,
      useFactory: (
        database: PostgresDatabase,
        tools: PostgresUpstreamTools,
        audit: AuditLog,
        webhooks: PostgresWebhookStore,
        events: EventPublisher,
      ) => new NoteTools({ database, tools, audit, webhooks, events }),
      inject: [DATABASE, PostgresUpstreamTools, AUDIT_LOG, PostgresWebhookStore, EVENT_PUBLISHER],
    },
    {
      provide: ToolDesk,
      useFactory: (
        database: PostgresDatabase,
        registry: Registry,
        tools: PostgresUpstreamTools,
        audit: AuditLog,
        events: EventPublisher,
      ) => new ToolDesk({ database, registry, tools, audit, events }),
      inject: [DATABASE, REGISTRY, PostgresUpstreamTools, AUDIT_LOG, EVENT_PUBLISHER],
    },
  ],
  exports: [ToolDesk],
})
export class PolicyModule {}
