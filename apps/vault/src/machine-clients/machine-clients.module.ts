import { Global, Module } from '@nestjs/common';
import type { Clock } from '#lib/clock/clock';
import type { JwksCache } from '#lib/jwt/jwks-cache';
import type { Outbound } from '#lib/outbound/outbound';
import type { Logger } from '#lib/observability/logger';
import type { Registry } from '../registry/registry-snapshot.js';
import { CLOCK, JWKS_CACHE, LOGGER, OUTBOUND, PUBLIC_URL, REGISTRY } from '../tokens.js';
import { GatewayConfigController } from './gateway-config.controller.js';
import { GatewayEventsController } from './gateway-events.controller.js';
import { MachineClientAuthenticator } from './machine-client-authenticator.js';
import { WorkloadKeys } from './workload-keys.js';

@Global()
@Module({
  controllers: [GatewayConfigController, GatewayEventsController],
  providers: [
    {
      provide: MachineClientAuthenticator,
      useFactory: (...[registry, keys, clock, logger, publicUrl, outbound]: Ports) => {
        const workloads = new WorkloadKeys(outbound, keys, clock);
        return new MachineClientAuthenticator({
          ...{ registry, keys, workloads, clock, logger, publicUrl },
        });
      },
      inject: [REGISTRY, JWKS_CACHE, CLOCK, LOGGER, PUBLIC_URL, OUTBOUND],
    },
  ],
  exports: [MachineClientAuthenticator],
})
export class MachineClientsModule {}

type Ports = [Registry, JwksCache, Clock, Logger, string, Outbound];
