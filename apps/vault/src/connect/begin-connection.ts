import { requiredScopes } from '../grants/domain/required-scopes.js';
import type { OpenInteraction } from '../interactions/open-interaction.js';
import type { SessionPerson } from '../sessions/web-session.js';
import { nobody } from './consent-requests.js';
import type { ConsentStores } from './consent-stores.js';
import type { Connection } from './list-connections.js';

/** Connect ahead of need, or anew: the same request as an application's, with nobody waiting. */
export class BeginConnection {
  constructor(
    private readonly stores: Pick<ConsentStores, 'database'>,
    private readonly opening: OpenInteraction,
  ) {}

  /** Answers the id of the interaction. */
  async begin(
    { issuerId, subject }: SessionPerson,
    { upstream, oauthClient, grant }: Connection,
  ): Promise<string> {
    const { credential } = upstream.document;
    const scopes =
      oauthClient && credential.type === 'oauth'
        ? requiredScopes(credential, oauthClient.document)
        : [];
    const opened = await this.stores.database.transaction((tx) =>
      this.opening.ask(tx, {
        issuerId,
        subject,
        application: nobody,
        consumer: 'gateway',
        upstreamId: upstream.id,
        purpose: grant ? 'reconnect' : 'connect',
        scopes,
        clientName: undefined,
      }),
    );
    return opened.id;
  }
}
