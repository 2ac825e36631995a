import { type DynamicModule, Global, Module, type Provider } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import type { Logger } from '#lib/observability/logger';
import { createRequestId } from '#lib/observability/request-id';
import { ProblemFilter } from '#lib/nest/problem.filter';
import { MachineClientsModule } from '../machine-clients/machine-clients.module.js';
import { PolicyModule } from '../policy/policy.module.js';
import { ProvidersModule } from '../providers/providers.module.js';
import { RegistryModule } from '../registry/registry.module.js';
import { RotationModule } from '../rotation/rotation.module.js';
import { WebhooksModule } from '../webhooks/webhooks.module.js';
import { AdminModule } from './admin.module.js';

/** The ports that the rest of the vault provides, given by the specs of admin. */
@Global()
@Module({})
class FixturePorts {
  static of(providers: Provider[]): DynamicModule {
    return { module: FixturePorts, providers, exports: providers };
  }
}

/** The modules of registry, providers, machine clients and admin as an app of their own, on a free port. */
export async function startFixtureApp(
  providers: Provider[],
  logger: Logger,
): Promise<{ app: NestFastifyApplication; origin: string }> {
  const module = {
    module: class FixtureRoot {},
    imports: [
      FixturePorts.of(providers),
      RegistryModule,
      ProvidersModule,
      MachineClientsModule,
      WebhooksModule,
      PolicyModule,
      RotationModule,
      AdminModule,
    ],
  };
  const adapter = new FastifyAdapter({ genReqId: () => createRequestId() });
  const app = await NestFactory.create<NestFastifyApplication>(module, adapter, {
    logger: ['error'],
    abortOnError: false,
  });
  app.useGlobalFilters(new ProblemFilter(logger));
  await app.listen(0, '127.0.0.1');
  return { app, origin: await app.getUrl() };
}
