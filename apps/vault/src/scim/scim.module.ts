import { Global, Inject, Module, type OnModuleInit } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import type { FastifyInstance } from 'fastify';
import type { AuditLog } from '../audit/audit-log.js';
import type { PostgresDatabase } from '../database/postgres-database.js';
import { EndPerson } from '../leavers/end-person.js';
import { LeaversModule } from '../leavers/leavers.module.js';
import { LiftBar } from '../leavers/lift-bar.js';
import { PostgresLeaverStore } from '../leavers/postgres-leaver-store.js';
import type { Registry } from '../registry/registry-snapshot.js';
import { AUDIT_LOG, DATABASE, PUBLIC_URL, REGISTRY, SCIM_ACCESS } from '../tokens.js';
import { PostgresScimServices } from './postgres-scim-services.js';
import { PostgresScimUsers } from './postgres-scim-users.js';
import { ProvisionUser } from './provision-user.js';
import { ScimAccess } from './scim-access.js';
import { ScimController } from './scim.controller.js';

const media = 'application/scim+json';

/** Identity providers tell here who is active and who is not. */
@Global()
@Module({
  imports: [LeaversModule],
  controllers: [ScimController],
  providers: [
    {
      provide: PostgresScimUsers,
      useFactory: (database: PostgresDatabase) => new PostgresScimUsers(database),
      inject: [DATABASE],
    },
    {
      provide: SCIM_ACCESS,
      useFactory: (
        database: PostgresDatabase,
        registry: Registry,
        audit: AuditLog,
        publicUrl: string,
      ) => {
        const services = new PostgresScimServices(database);
        return new ScimAccess({ database, registry, services, audit, publicUrl });
      },
      inject: [DATABASE, REGISTRY, AUDIT_LOG, PUBLIC_URL],
    },
    {
      provide: ProvisionUser,
      useFactory: (
        database: PostgresDatabase,
        users: PostgresScimUsers,
        leavers: PostgresLeaverStore,
        ending: EndPerson,
        ...[lifting, audit]: [LiftBar, AuditLog]
      ) => new ProvisionUser({ database, users, leavers, ending, lifting, audit }),
      inject: [DATABASE, PostgresScimUsers, PostgresLeaverStore, EndPerson, LiftBar, AUDIT_LOG],
    },
  ],
  exports: [SCIM_ACCESS],
})
export class ScimModule implements OnModuleInit {
  constructor(@Inject(HttpAdapterHost) private readonly host: HttpAdapterHost) {}

  /** As text, so that what is not JSON is refused as SCIM refuses. */
  onModuleInit(): void {
    const fastify = this.host.httpAdapter.getInstance<FastifyInstance>();
    if (!fastify.hasContentTypeParser(media))
      fastify.addContentTypeParser(media, { parseAs: 'string' }, (_, body, done) =>
        done(null, body),
      );
  }
}
