import type { Clock } from '#lib/clock/clock';
import type { TokenSet } from '../providers/token-set.js';
import type { CheckToken } from '../user-tokens/check-token.js';
import { readToken, type TokenFault } from '../user-tokens/read-token.js';
import { AttemptLimit } from '../web/attempt-limit.js';
import type { CompleteConsent } from './complete-consent.js';
import type { ConsentRequest } from './consent-requests.js';
import type { ConsentStores } from './consent-stores.js';
import { holdUnconfirmed } from './hold-unconfirmed.js';

/** `told`: the page of the request tells how it stands. `refused`: the service does not accept the token. */
export type SaveOutcome = 'told' | 'changed' | 'refused' | TokenFault;

export interface PastedToken {
  readonly request: ConsentRequest;
  /** Of the interaction, as the page carried it. */
  readonly version: number;
  readonly text: string;
  readonly requestId: string;
}

// Tokens that one person may try: a few by mistake, not a search for one that works.
const tries = { burst: 20, refillSeconds: 15 };

/** The person allows it by pasting a token: kept once it is one, and the service does not say no. */
export class SaveToken {
  readonly #limit: AttemptLimit;

  constructor(
    private readonly stores: ConsentStores,
    private readonly completeConsent: CompleteConsent,
    private readonly checking: CheckToken,
    private readonly clock: Clock,
  ) {
    this.#limit = new AttemptLimit(tries, clock);
  }

  async save(pasted: PastedToken): Promise<SaveOutcome> {
    const { request, version } = pasted;
    const { interaction, upstream, needsTrip, way } = request;
    const { credential } = upstream.document;
    if (interaction.status !== 'pending' || way !== 'paste' || !needsTrip) return 'told';
    if (interaction.version !== version) return 'changed';
    const pattern = credential.type === 'user-token' ? credential.pattern : undefined;
    const read = readToken(pasted.text, { pattern, now: this.clock.now() });
    return 'fault' in read ? read.fault : this.#keep(pasted, read.token);
  }

  async #keep({ request, version, requestId }: PastedToken, tokens: TokenSet) {
    const { interaction, upstream } = request;
    const key = `${interaction.issuerId} ${interaction.subject}`;
    this.#limit.check(key);
    this.#limit.count(key);
    const verdict = await this.checking.check(upstream.document, tokens.accessToken, requestId);
    if (verdict === 'refused') return 'refused';
    const brought = { tokens, account: undefined, scopes: [], resource: undefined };
    const isKept =
      verdict === 'accepted'
        ? await this.completeConsent.complete({ request, version, brought, requestId })
        : await holdUnconfirmed(this.stores, request, { version, brought });
    return isKept ? 'told' : 'changed';
  }
}
