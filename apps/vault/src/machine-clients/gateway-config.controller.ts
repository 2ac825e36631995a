import { Controller, Get, Headers, Inject, Req, Res, UseGuards } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import type { Registry } from '../registry/registry-snapshot.js';
import { PUBLIC_URL, REGISTRY } from '../tokens.js';
import { gatewayConfig } from './gateway-config.js';
import { MachineClientGuard, type MachineClientRequest } from './machine-client.guard.js';

@Controller('gateway/v1/config')
@UseGuards(MachineClientGuard)
export class GatewayConfigController {
  constructor(
    @Inject(REGISTRY) private readonly registry: Registry,
    @Inject(PUBLIC_URL) private readonly publicUrl: string,
  ) {}

  /** Read anew before it is answered: the event that brought the gateway here may have come first. */
  @Get()
  async config(
    @Headers('if-none-match') known: string | undefined,
    @Req() request: MachineClientRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    const snapshot = await this.registry.refresh();
    const etag = `"${snapshot.version}"`;
    reply.headers({ etag, 'cache-control': 'private, no-cache' });
    if (known?.split(',').some((tag) => tag.trim().replace(/^W\//, '') === etag)) {
      reply.code(304);
      return undefined;
    }
    const { slug } = request.machineClient.document;
    const client = snapshot.machineClient(slug) ?? request.machineClient;
    return gatewayConfig(snapshot, client.document, this.publicUrl);
  }
}
