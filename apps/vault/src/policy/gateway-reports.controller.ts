import { Body, Controller, HttpCode, Inject, Post, Req, UseGuards } from '@nestjs/common';
import type { z } from 'zod';
import { decisionReport, toolReport } from '#lib/contract/gateway-reports';
import { Problem } from '#lib/problem/problem';
import {
  MachineClientGuard,
  type MachineClientRequest,
} from '../machine-clients/machine-client.guard.js';
import type { MachineClient } from '../registry/domain/machine-client.js';
import type { Registry } from '../registry/registry-snapshot.js';
import { REGISTRY } from '../tokens.js';
import { NoteTools } from './note-tools.js';
import { mayReport, RecordDecisions } from './record-decisions.js';

/** What gateways tell: the calls that they refused, and the tools that they saw. */
@Controller('gateway/v1')
@UseGuards(MachineClientGuard)
export class GatewayReportsController {
  constructor(
    @Inject(RecordDecisions) private readonly decisions: RecordDecisions,
    @Inject(NoteTools) private readonly tools: NoteTools,
    @Inject(REGISTRY) private readonly registry: Registry,
  ) {}

  @Post('decisions')
  @HttpCode(200)
  report(@Body() body: unknown, @Req() request: MachineClientRequest) {
    return this.decisions.record(gatewayOf(request), parsed(decisionReport, body));
  }

  @Post('tools')
  @HttpCode(200)
  async see(@Body() body: unknown, @Req() request: MachineClientRequest) {
    const client = gatewayOf(request);
    const { upstream: slug, tools } = parsed(toolReport, body);
    const upstream = mayReport(client, slug)
      ? (await this.registry.refresh()).upstream(slug)
      : undefined;
    // The same words for what does not exist and for what is not listed: the registry is not to be explored.
    if (upstream === undefined)
      throw new Problem('forbidden', 'This client may not speak of that upstream.');
    return this.tools.note({ client, upstream, tools, requestId: request.id });
  }
}

function gatewayOf({ machineClient }: MachineClientRequest): MachineClient {
  if (machineClient.document.kind === 'gateway') return machineClient.document;
  throw new Problem('forbidden', 'Only machine clients of kind gateway report.');
}

function parsed<T>(schema: z.ZodType<T>, body: unknown): T {
  const report = schema.safeParse(body);
  if (report.success) return report.data;
  throw new Problem('invalid-request', 'The report is not one of the contract.');
}
