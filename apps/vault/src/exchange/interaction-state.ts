import type { InteractionState as StateAnswer } from '#lib/contract/exchange';
import { Problem } from '#lib/problem/problem';
import { type RenderedProblem, renderProblemJson } from '#lib/problem/render';
import type { Interactions, InteractionView } from '../interactions/interactions.js';
import type { MachineClient } from '../registry/domain/machine-client.js';
import type { AssertionAuthenticator } from './authenticate-client.js';

const bearer = /^Bearer ([\w.-]+)$/i;

/** How an interaction stands, for the machine client on whose behalf it was opened. */
export class InteractionState {
  constructor(
    private readonly clients: AssertionAuthenticator,
    private readonly interactions: Interactions,
  ) {}

  async read(
    id: string,
    authorization: string | undefined,
    requestId: string,
  ): Promise<RenderedProblem> {
    const assertion = bearer.exec(authorization ?? '')?.[1];
    const client = assertion && (await this.clients.authenticate(assertion));
    if (!client) return renderProblemJson(unauthenticated, requestId);
    const found = isId(id) ? await this.interactions.byId(id) : undefined;
    if (found === undefined || found.consumer !== consumerOf(client.document))
      return renderProblemJson(notFound, requestId);
    const headers = { 'content-type': 'application/json', 'cache-control': 'no-store' };
    return { status: 200, headers, body: JSON.stringify(answerOf(found)) };
  }
}

function answerOf({ id, status, expiresInSeconds }: InteractionView): StateAnswer {
  return {
    interaction_id: id,
    status: status === 'confirming' ? 'pending' : status,
    expires_in: Math.max(Math.floor(expiresInSeconds), 0),
  };
}

function consumerOf({ kind, slug }: MachineClient): string {
  return kind === 'gateway' ? 'gateway' : slug;
}

function isId(text: string): boolean {
  return /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(text);
}

const unauthenticated = new Problem(
  'unauthenticated',
  'Send the assertion of a registered machine client as a bearer token.',
  { headers: { 'www-authenticate': 'Bearer' } },
);
const notFound = new Problem('not-found', 'There is no such interaction of this client.');
