import {
  Body,
  Controller,
  Get,
  Header,
  HttpCode,
  Inject,
  Param,
  Post,
  Req,
  UseGuards,
} from '@nestjs/common';
import { z } from 'zod';
import { Problem } from '#lib/problem/problem';
import type { MachineClientRequest } from '../machine-clients/machine-client.guard.js';
import { explainIssues } from '../registry/domain/explain-issues.js';
import { PUBLIC_URL } from '../tokens.js';
import { ExternalBackendGuard } from './external-backend.guard.js';
import { HandOverToken } from './hand-over-token.js';
import { handover } from './handover.js';

/** For the backend of a company's page: what a person has allowed, and the token that was asked for. */
@Controller('external/v1/interactions')
@UseGuards(ExternalBackendGuard)
export class ExternalInteractionsController {
  constructor(
    @Inject(HandOverToken) private readonly handingOver: HandOverToken,
    @Inject(PUBLIC_URL) private readonly publicUrl: string,
  ) {}

  /** Not who the person is: that the backend has to know itself. */
  @Get(':id')
  @Header('cache-control', 'no-store')
  async read(@Param('id') id: string, @Req() request: MachineClientRequest) {
    const { interaction, upstream, application } = await this.handingOver.find(of(id, request));
    const { status, expiresInSeconds, purpose } = interaction;
    return {
      interaction_id: interaction.id,
      status,
      purpose,
      upstream: upstream.document.slug,
      upstream_name: upstream.document.name,
      application: interaction.application === '' ? null : application.name,
      expires_in: status === 'pending' ? expiresInSeconds : 0,
      return_uri: this.#page(interaction.id),
    };
  }

  @Post(':id/token')
  @HttpCode(200)
  @Header('cache-control', 'no-store')
  async bring(
    @Param('id') id: string,
    @Body() body: unknown,
    @Req() request: MachineClientRequest,
  ) {
    const call = of(id, request);
    const given = handover.safeParse(body);
    if (!given.success)
      throw new Problem('validation-failed', 'The token cannot be taken like this.', {
        errors: explainIssues(given.error.issues, body),
      });
    const status = await this.handingOver.handOver(call, given.data);
    return { interaction_id: id, status, return_uri: this.#page(id) };
  }

  #page(id: string): string {
    return `${this.publicUrl}/requests/${id}`;
  }
}

function of(id: string, { machineClient, id: requestId }: MachineClientRequest) {
  if (!z.uuid().safeParse(id).success)
    throw new Problem('not-found', 'This is not the id of an interaction.');
  return { client: machineClient.document, interactionId: id, requestId };
}
