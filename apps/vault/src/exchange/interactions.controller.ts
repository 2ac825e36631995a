import { Controller, Get, Header, Inject, Param, Req, UseGuards } from '@nestjs/common';
import type { InteractionState } from '#lib/contract/exchange';
import { Problem } from '#lib/problem/problem';
import type { Interactions, InteractionView } from '../interactions/interactions.js';
import {
  MachineClientGuard,
  type MachineClientRequest,
} from '../machine-clients/machine-client.guard.js';
import { INTERACTIONS } from '../tokens.js';
import { consumerOf } from './consumer.js';

const uuid = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** `GET /interactions/{id}`: how one stands, for the machine client on whose behalf it was opened. */
@Controller('interactions')
@UseGuards(MachineClientGuard)
export class InteractionsController {
  constructor(@Inject(INTERACTIONS) private readonly interactions: Interactions) {}

  @Get(':id')
  @Header('cache-control', 'no-store')
  async read(
    @Param('id') id: string,
    @Req() request: MachineClientRequest,
  ): Promise<InteractionState> {
    const found = uuid.test(id) ? await this.interactions.byId(id) : undefined;
    if (found === undefined || found.consumer !== consumerOf(request.machineClient.document))
      throw new Problem('not-found', 'There is no such interaction of this client.');
    return answerOf(found);
  }
}

function answerOf({ id, status, expiresInSeconds }: InteractionView): InteractionState {
  return {
    interaction_id: id,
    status: status === 'confirming' ? 'pending' : status,
    expires_in: Math.max(Math.floor(expiresInSeconds), 0),
  };
}
