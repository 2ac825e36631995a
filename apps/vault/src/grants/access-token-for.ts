import type { Clock } from '#lib/clock/clock';
import type { Secret } from '#lib/secret/secret';
import type { Database } from '../database/database.js';
import { decide, decideRejected, type GrantState, isValid, type Purpose } from './domain/grant.js';
import type { GrantKey } from './grants.js';
import type { StoredGrant } from './postgres-grant-row.js';
import type { HeldGrant, PostgresGrantStore, StoredToken } from './postgres-grant-store.js';
import type { RefreshGrant } from './refresh-grant.js';
import type { TokenTarget } from './token-target.js';

export interface TokenWanted {
  readonly key: GrantKey;
  readonly target: TokenTarget;
  readonly scopes: readonly string[];
  /** SHA-256 of the token that the upstream refused. */
  readonly rejectedSha256: Buffer | undefined;
}

export type AccessTokenResult =
  | {
      readonly ok: true;
      readonly token: Secret;
      readonly tokenType: string;
      /** Epoch seconds; undefined where the server names no lifetime. */
      readonly expiresAt: number | undefined;
      readonly grant: StoredGrant;
    }
  | { readonly ok: false; readonly because: 'person-needed'; readonly purpose: Purpose }
  /** Even a fresh token is refused by the upstream. `mayAsk` at most hourly. */
  | { readonly ok: false; readonly because: 'rejected'; readonly mayAsk: boolean }
  | { readonly ok: false; readonly because: 'unavailable'; readonly retryAfterSeconds: number };

// Each round follows a change made by somebody; more than a few in one call is no coincidence.
const maxRounds = 4;

/** The person's token at an upstream: the stored one, or a refreshed one, or why there is none. */
export class AccessTokenFor {
  constructor(
    private readonly store: PostgresGrantStore,
    private readonly database: Database,
    private readonly refreshing: RefreshGrant,
    private readonly clock: Clock,
  ) {}

  /** Rejects with SealBroken if the stored token does not open. */
  async get(wanted: TokenWanted): Promise<AccessTokenResult> {
    for (let round = 0; round < maxRounds; round += 1) {
      const held = await this.store.hold(wanted.key, wanted.target);
      const result = await this.#decide(wanted, held);
      if (result !== 'again') return result;
    }
    return unavailable(1);
  }

  async #decide(
    wanted: TokenWanted,
    held: HeldGrant | undefined,
  ): Promise<AccessTokenResult | 'again'> {
    const now = this.clock.now();
    const state = held && stateOf(held);
    const isRejected =
      held?.token !== undefined && wanted.rejectedSha256?.equals(held.token.sha256) === true;
    const decision = (isRejected ? decideRejected : decide)(state, wanted.scopes, now);
    if (decision.do === 'ask')
      return { ok: false, because: 'person-needed', purpose: decision.purpose };
    if (decision.do === 'wait') return unavailable(decision.seconds);
    if (held === undefined) return unavailable(1);
    if (decision.do === 'serve' && held.token) return served(held.grant, held.token);
    if (decision.do === 'give-up') return this.#giveUp(held.grant);
    return this.#refresh(wanted, held, isRejected);
  }

  async #refresh(
    { target }: TokenWanted,
    { grant, token }: HeldGrant,
    force: boolean,
  ): Promise<AccessTokenResult | 'again'> {
    const { id: grantId, tokenVersion } = grant;
    const request = { grantId, tokenVersion, target, force };
    const now = this.clock.now();
    const spare = !force && token && isValid(token, now) ? token : undefined;
    const result = spare
      ? await this.refreshing.refreshWithin(request, patienceMs(spare, now))
      : await this.refreshing.refresh(request);
    if (result === undefined) return spare ? served(grant, spare) : unavailable(1);
    if (result.did === 'change') return 'again';
    if (result.because === 'too-soon') return force ? this.#giveUp(grant) : 'again';
    // The provider is down: what is left of the stored token is better than nothing.
    if (!force && token && isValid(token, this.clock.now())) return served(grant, token);
    return unavailable(result.retryAfterSeconds);
  }

  async #giveUp({ id }: StoredGrant): Promise<AccessTokenResult> {
    const mayAsk = await this.database.transaction((tx) => this.store.noteRejected(tx, id));
    return { ok: false, because: 'rejected', mayAsk };
  }
}

/** What a decision looks at. */
export function stateOf({ grant, token }: HeldGrant): GrantState {
  return {
    status: grant.status,
    requestedScopes: grant.requestedScopes,
    hasRefreshToken: grant.hasRefreshToken,
    pausedUntil: grant.refreshPausedUntil,
    token,
  };
}

/** R9: how long somebody whose stored token still works waits for a better one; it must not run out meanwhile. */
function patienceMs({ expiresAt }: StoredToken, now: number): number {
  return expiresAt === undefined ? 1_000 : Math.min(1_000, (expiresAt - now) * 250);
}

async function served(grant: StoredGrant, token: StoredToken): Promise<AccessTokenResult> {
  const { tokenType, expiresAt } = token;
  return { ok: true, token: await token.open(), tokenType, expiresAt, grant };
}

function unavailable(retryAfterSeconds: number): AccessTokenResult {
  return { ok: false, because: 'unavailable', retryAfterSeconds };
}
