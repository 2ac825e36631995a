import {
  Controller,
  Delete,
  Get,
  Header,
  HttpCode,
  Inject,
  Param,
  Req,
  UseGuards,
} from '@nestjs/common';
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

/** `GET /interactions/{id}`: how one stands, for the machine client on whose behalf it was opened; DELETE withdraws it. */
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
    return answerOf(await this.#own(id, request));
  }

  /** The person said no to the client: nothing stays pending. One that has ended stays as it ended. */
  @Delete(':id')
  @HttpCode(204)
  async withdraw(@Param('id') id: string, @Req() request: MachineClientRequest): Promise<void> {
    const found = await this.#own(id, request);
    if (found.status === 'pending') await this.interactions.withdraw(found, request.id);
  }

  async #own(id: string, request: MachineClientRequest): Promise<InteractionView> {
    const found = uuid.test(id) ? await this.interactions.byId(id) : undefined;
    if (found === undefined || found.consumer !== consumerOf(request.machineClient.document))
      throw new Problem('not-found', 'There is no such interaction of this client.');
    return found;
  }
}

function answerOf({ id, status, expiresInSeconds }: InteractionView): InteractionState {
  return {
    interaction_id: id,
    status: status === 'confirming' ? 'pending' : status,
    expires_in: Math.max(Math.floor(expiresInSeconds), 0),
  };
}
