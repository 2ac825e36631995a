import { Global, Module } from '@nestjs/common';
import type { Clock } from '#lib/clock/clock';
import type { JwksCache } from '#lib/jwt/jwks-cache';
import type { TokenVerifier } from '#lib/jwt/token-verifier';
import type { AuditLog } from '../audit/audit-log.js';
import type { Refusals } from '../audit/refusals.js';
import type { PostgresDatabase } from '../database/postgres-database.js';
import type { EventPublisher } from '../events/event-publisher.js';
import type { Registry } from '../registry/registry-snapshot.js';
import {
  AUDIT_LOG,
  CLOCK,
  DATABASE,
  EVENT_PUBLISHER,
  JWKS_CACHE,
  PUBLIC_URL,
  REFUSALS,
  REGISTRY,
  TOKEN_VERIFIER,
} from '../tokens.js';
import { PostgresWebhookStore } from '../webhooks/postgres-webhook-store.js';
import { ExplainCredential } from './explain-credential.js';
import { ExplainPolicy } from './explain-policy.js';
import { GatewayReportsController } from './gateway-reports.controller.js';
import { NoteTools } from './note-tools.js';
import { PostgresUpstreamTools } from './postgres-upstream-tools.js';
import { PostgresHeldByPerson } from './postgres-held-by-person.js';
import { RecordDecisions } from './record-decisions.js';
import { ToolDesk } from './tool-desk.js';
import { WhoCalls } from './who-calls.js';

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
    {
      provide: WhoCalls,
      useFactory: (...[registry, verifier, keys, clock, publicUrl]: CallerPorts) =>
        new WhoCalls({ registry, verifier, keys, clock, publicUrl }),
      inject: [REGISTRY, TOKEN_VERIFIER, JWKS_CACHE, CLOCK, PUBLIC_URL],
    },
    {
      provide: ExplainPolicy,
      useFactory: (
        registry: Registry,
        whoCalls: WhoCalls,
        database: PostgresDatabase,
        audit: AuditLog,
      ) => {
        const credential = new ExplainCredential(registry, new PostgresHeldByPerson(database));
        return new ExplainPolicy({ registry, whoCalls, credential, database, audit });
      },
      inject: [REGISTRY, WhoCalls, DATABASE, AUDIT_LOG],
    },
  ],
  exports: [ToolDesk, ExplainPolicy],
})
export class PolicyModule {}

type CallerPorts = [Registry, TokenVerifier, JwksCache, Clock, string];
