import {
  type BeforeApplicationShutdown,
  Global,
  Inject,
  Module,
  type OnApplicationBootstrap,
} from '@nestjs/common';
import type { AuditLog } from '../audit/audit-log.js';
import { PostgresClientSessions } from '../authorization-server/postgres-client-sessions.js';
import type { PostgresDatabase } from '../database/postgres-database.js';
import type { Grants } from '../grants/grants.js';
import { PostgresConsentStore } from '../grants/postgres-consent-store.js';
import { RevokeGrant } from '../grants/revoke-grant.js';
import { InteractionEvents } from '../interactions/interaction-events.js';
import { InteractionsModule } from '../interactions/interactions.module.js';
import { PostgresInteractionStore } from '../interactions/postgres-interaction-store.js';
import type { VaultLogger } from '../log-events.js';
import type { Registry } from '../registry/registry-snapshot.js';
import { PostgresWebSessionStore } from '../sessions/postgres-web-session-store.js';
import {
  AUDIT_LOG,
  CONSENT_STORE,
  DATABASE,
  GRANTS,
  LEAVERS,
  LOGGER,
  REGISTRY,
} from '../tokens.js';
import { EndPerson } from './end-person.js';
import { LeaverDesk } from './leaver-desk.js';
import { LeaverWorker } from './leaver-worker.js';
import { LiftBar } from './lift-bar.js';
import { PostgresLeaverRecords } from './postgres-leaver-records.js';
import { PostgresLeaverStore } from './postgres-leaver-store.js';
import { SettleLeaver } from './settle-leaver.js';

type EndingPorts = [
  PostgresDatabase,
  PostgresLeaverStore,
  Grants,
  RevokeGrant,
  PostgresConsentStore,
  PostgresInteractionStore,
  InteractionEvents,
  Registry,
  AuditLog,
];

type DeskPorts = [
  PostgresDatabase,
  Registry,
  PostgresLeaverStore,
  EndPerson,
  SettleLeaver,
  LiftBar,
];

/** People who leave: everything of theirs ended, and a receipt of it. */
@Global()
@Module({
  imports: [InteractionsModule],
  providers: [
    {
      provide: PostgresLeaverStore,
      useFactory: (database: PostgresDatabase) => new PostgresLeaverStore(database),
      inject: [DATABASE],
    },
    {
      provide: EndPerson,
      useFactory: (...given: EndingPorts) => endPerson(...given),
      inject: [
        DATABASE,
        PostgresLeaverStore,
        GRANTS,
        RevokeGrant,
        CONSENT_STORE,
        PostgresInteractionStore,
        InteractionEvents,
        REGISTRY,
        AUDIT_LOG,
      ],
    },
    {
      provide: SettleLeaver,
      useFactory: (database: PostgresDatabase, leavers: PostgresLeaverStore, audit: AuditLog) =>
        new SettleLeaver(database, leavers, audit),
      inject: [DATABASE, PostgresLeaverStore, AUDIT_LOG],
    },
    {
      provide: LiftBar,
      useFactory: (leavers: PostgresLeaverStore, audit: AuditLog) => new LiftBar(leavers, audit),
      inject: [PostgresLeaverStore, AUDIT_LOG],
    },
    {
      provide: LEAVERS,
      useFactory: (...[database, registry, leavers, ending, settling, lifting]: DeskPorts) => {
        const records = new PostgresLeaverRecords(database);
        return new LeaverDesk({ database, registry, leavers, records, ending, settling, lifting });
      },
      inject: [DATABASE, REGISTRY, PostgresLeaverStore, EndPerson, SettleLeaver, LiftBar],
    },
    {
      provide: LeaverWorker,
      useFactory: (
        leavers: PostgresLeaverStore,
        ending: EndPerson,
        settling: SettleLeaver,
        logger: VaultLogger,
      ) => new LeaverWorker(leavers, ending, settling, logger),
      inject: [PostgresLeaverStore, EndPerson, SettleLeaver, LOGGER],
    },
  ],
  exports: [LEAVERS, PostgresLeaverStore, EndPerson, LiftBar],
})
export class LeaversModule implements OnApplicationBootstrap, BeforeApplicationShutdown {
  constructor(@Inject(LeaverWorker) private readonly worker: LeaverWorker) {}

  onApplicationBootstrap(): void {
    this.worker.start();
  }

  async beforeApplicationShutdown(): Promise<void> {
    await this.worker.stop();
  }
}

function endPerson(
  ...[
    database,
    leavers,
    grants,
    revoking,
    consents,
    interactions,
    interactionEvents,
    registry,
    audit,
  ]: EndingPorts
): EndPerson {
  return new EndPerson({
    ...{ database, leavers, grants, revoking, consents, interactions, interactionEvents },
    ...{ sessions: new PostgresWebSessionStore(database), registry, audit },
    clientSessions: new PostgresClientSessions(database),
  });
}
