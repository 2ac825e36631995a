import type { InteractionRequired } from '#lib/contract/exchange';
import { PersonLeft } from '../bars/person-left.js';
import { admit } from '../bars/postgres-bar.js';
import type { Database } from '../database/database.js';
import type { ConsentKey } from '../grants/consent-store.js';
import type {
  InteractionRequest,
  Interactions,
  InteractionView,
} from '../interactions/interactions.js';
import type { OAuthRefusal } from './domain/exchange-parameters.js';

// Seconds between two looks at an interaction that somebody waits for.
const interval = 5;

export interface HowToAsk {
  readonly upstreamName: string;
  /** Continue this one; then nothing is minted. */
  readonly interactionId: string | undefined;
  readonly mint: boolean;
}

/** The answer that a person is needed, with a link for them or without. */
export class AskPerson {
  constructor(
    private readonly interactions: Interactions,
    private readonly database: Database,
  ) {}

  /** Who has left is not asked, but refused. */
  async ask(
    request: InteractionRequest,
    how: HowToAsk,
  ): Promise<InteractionRequired | OAuthRefusal> {
    try {
      return await this.#ask(request, how);
    } catch (error) {
      if (!(error instanceof PersonLeft)) throw error;
      return { error: 'access_denied', description: error.detail };
    }
  }

  /** Whether this interaction is open, and for another token in place of one that is there. */
  async isReplacing(key: ConsentKey, interactionId: string): Promise<boolean> {
    const found = await this.interactions.byId(interactionId);
    return found?.purpose === 'reconnect' && isOpen(found) && isSame(found, key);
  }

  async #ask(request: InteractionRequest, how: HowToAsk): Promise<InteractionRequired> {
    if (how.mint) return this.#withLink(request);
    await this.database.transaction((tx) => admit(tx, request));
    const found = how.interactionId && (await this.interactions.byId(how.interactionId));
    if (found && isSame(found, request)) return continued(found, how.upstreamName);
    return {
      error: 'interaction_required',
      error_description: 'A person has to agree first.',
      message: `${how.upstreamName} has to be connected first.`,
    };
  }

  async #withLink(request: InteractionRequest): Promise<InteractionRequired> {
    const opened = await this.interactions.open(request);
    return {
      error: 'interaction_required',
      error_description: 'A person has to agree first.',
      interaction_id: opened.id,
      interaction_uri: opened.uri,
      message: opened.message,
      expires_in: opened.expiresInSeconds,
      interval,
    };
  }
}

/** An id is no bearer of rights: another person's interaction is as good as none. */
function isSame(found: InteractionView, request: ConsentKey): boolean {
  return (
    found.issuerId === request.issuerId &&
    found.subject === request.subject &&
    found.application === request.application &&
    found.consumer === request.consumer &&
    found.upstreamId === request.upstreamId
  );
}

const states: Record<InteractionView['status'], string> = {
  pending: 'is waiting for your consent: open the link that you were given.',
  confirming: 'is waiting for you to confirm the account: go on in the page that you opened.',
  completed: 'was connected, but needs your consent again.',
  declined: 'was not connected: the request was declined.',
  expired: 'was not connected in time: ask again for a new link.',
};

function isOpen({ status }: InteractionView): boolean {
  return status === 'pending' || status === 'confirming';
}

function continued(found: InteractionView, upstreamName: string): InteractionRequired {
  return {
    error: 'interaction_required',
    error_description: 'A person has to agree first.',
    message: `${upstreamName} ${states[found.status]}`,
    ...(isOpen(found)
      ? { interaction_id: found.id, expires_in: found.expiresInSeconds, interval }
      : {}),
  };
}
