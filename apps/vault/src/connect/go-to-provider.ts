import type { VaultLogger } from '../log-events.js';
import { askedBy } from '../providers/asked-by.js';
import type { Providers } from '../providers/provider.js';
import type { BoundTrip } from '../sessions/browser-binding.js';
import type { WebSession } from '../sessions/web-session.js';
import type { ConsentRequest } from './consent-requests.js';
import type { ConsentStores } from './consent-stores.js';
import { refusalCause } from './refusal-cause.js';

/** Where an allowed trip leads, as often as its page is loaded before it is used. */
export class GoToProvider {
  constructor(
    private readonly stores: ConsentStores,
    private readonly providers: Providers,
    private readonly logger: VaultLogger,
  ) {}

  /** Undefined where there is no such trip (any more), or the provider cannot be reached; the request's page tells. */
  async url(
    request: ConsentRequest,
    session: WebSession,
    { state, stateHash }: BoundTrip,
    requestId: string,
  ): Promise<URL | undefined> {
    const authorization = await this.stores.authorizations.peek(stateHash);
    if (!authorization?.sessionHash.equals(session.hash)) return undefined;
    if (authorization.interactionId !== request.interaction.id) return undefined;
    if (request.oauthClient === undefined) return undefined;
    const provider = this.providers.of(request.oauthClient);
    const url = await askedBy.run(requestId, () =>
      provider.authorizationUrl({ ...authorization, state }),
    );
    if (url instanceof URL) return url;
    const oauthClient = request.oauthClient.document.slug;
    this.logger.warn({ event: 'provider.unusable', requestId, oauthClient, ...url });
    const cause = refusalCause(null, url.code);
    await this.stores.interactions.noteRefusal(request.interaction.id, { cause, requestId });
    return undefined;
  }
}
