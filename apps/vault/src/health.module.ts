import { Controller, Get, Inject, Module, type OnModuleInit, Res } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { ReadinessChecks } from '#lib/observability/health';
import { pendingMigrations } from '../../../migrations/run.js';
import type { PostgresDatabase } from './database/postgres-database.js';
import { PostgresEventBus } from './events/postgres-event-bus.js';
import { StoredRegistry } from './registry/stored-registry.js';
import { KeyRingSealer } from './sealing/key-ring-sealer.js';
import { DATABASE, REGISTRY } from './tokens.js';

/** Whether the process is alive, and whether it can serve. */
@Controller()
class HealthController {
  constructor(@Inject(ReadinessChecks) private readonly checks: ReadinessChecks) {}

  @Get('healthz')
  alive(): { status: 'alive' } {
    return { status: 'alive' };
  }

  @Get('readyz')
  async ready(@Res() reply: FastifyReply): Promise<void> {
    const { status, body } = await this.checks.collect();
    await reply.code(status).header('cache-control', 'no-store').send(body);
  }
}

@Module({ controllers: [HealthController] })
export class HealthModule implements OnModuleInit {
  constructor(
    @Inject(ReadinessChecks) private readonly checks: ReadinessChecks,
    @Inject(DATABASE) private readonly database: PostgresDatabase,
    @Inject(KeyRingSealer) private readonly sealer: KeyRingSealer,
    @Inject(PostgresEventBus) private readonly events: PostgresEventBus,
    @Inject(REGISTRY) private readonly registry: StoredRegistry,
  ) {}

  onModuleInit(): void {
    const { checks } = this;
    checks.add('database', () => this.#reachable());
    checks.add('schema', () => this.#schema());
    checks.add('sealing', () => this.sealer.unready);
    checks.add('events', () => (this.events.connected ? undefined : 'not connected'));
    checks.add('registry', () => (this.registry.loaded ? undefined : 'not read yet'));
  }

  async #reachable(): Promise<string | undefined> {
    try {
      await this.database.query('SELECT 1');
      return undefined;
    } catch {
      return 'cannot be reached';
    }
  }

  async #schema(): Promise<string | undefined> {
    const pending = await pendingMigrations((sql) => this.database.query(sql));
    return pending.length === 0
      ? undefined
      : `behind by ${pending.length}: run npm run migrate (${pending.join(', ')})`;
  }
}
