import type { Clock } from '#lib/clock/clock';
import type { Secret } from '#lib/secret/secret';
import type { Database } from '../database/database.js';
import { tokenScopes } from './domain/scope-set.js';
import { decide, decideRejected, type GrantState, isValid, type Purpose } from './domain/grant.js';
import type { GrantKey } from './grants.js';
import type {
  HeldGrant,
  PostgresHeldGrants,
  StoredToken,
  WorkingGrant,
} from './postgres-held-grants.js';
import type { RefreshGrant } from './refresh-grant.js';
import type { TokenTarget } from './token-target.js';

export interface TokenWanted {
  readonly key: GrantKey;
  /** RFC 8707; '' for none. */
  readonly resource: string;
  /** What the call needs. */
  readonly scopes: readonly string[];
  /** What may be handed out: a grant with more is narrowed to it. Undefined: all that the grant has. */
  readonly allowed: readonly string[] | undefined;
  /** SHA-256 of the token that the upstream refused. */
  readonly rejectedSha256: Buffer | undefined;
  /** Whether the person could be asked for another token now: what only looks must not use up the hour's one link. */
  readonly canAsk: boolean;
}

export type AccessTokenResult =
  | {
      readonly ok: true;
      readonly token: Secret;
      /** What the token is bound to (RFC 9449), as a private JWK in JSON. */
      readonly dpopKey: Secret | undefined;
      /** Which of the grant's it is, and what the server said of it. */
      readonly stored: StoredToken;
      readonly grant: WorkingGrant;
    }
  | { readonly ok: false; readonly because: 'person-needed'; readonly purpose: Purpose }
  /** Even a fresh token is refused by the upstream. `mayAsk` at most hourly. */
  | { readonly ok: false; readonly because: 'rejected'; readonly mayAsk: boolean }
  | { readonly ok: false; readonly because: 'unavailable'; readonly retryAfterSeconds: number };

// Each round follows a change made by somebody: the refresh of another resource's token, of which there are few.
const maxRounds = 8;
// The vault forces a refresh of a grant at most so often.
const forceSeconds = 60;

/** The person's token at an upstream: the stored one, or a refreshed one, or why there is none. */
export class AccessTokenFor {
  constructor(
    private readonly held: PostgresHeldGrants,
    private readonly database: Database,
    private readonly refreshing: RefreshGrant,
    private readonly clock: Clock,
  ) {}

  /** `held` as just read. Rejects with SealBroken if the stored token does not open. */
  async get(wanted: TokenWanted, held: HeldGrant | undefined): Promise<AccessTokenResult> {
    let seen = held;
    for (let round = 0; round < maxRounds; round += 1) {
      const result = await this.#decide(wanted, seen);
      if (result !== 'again') return result;
      seen = await this.held.hold(wanted.key, wanted.resource);
    }
    return unavailable(1);
  }

  async #decide(
    wanted: TokenWanted,
    held: HeldGrant | undefined,
  ): Promise<AccessTokenResult | 'again'> {
    const now = this.clock.now();
    const state = held && stateOf(held, wanted);
    const token = held && tokenFor(held, wanted);
    const isRejected = token !== undefined && wanted.rejectedSha256?.equals(token.sha256) === true;
    const decision = (isRejected ? decideRejected : decide)(state, wanted.scopes, now);
    if (decision.do === 'ask')
      return { ok: false, because: 'person-needed', purpose: decision.purpose };
    if (decision.do === 'wait') return unavailable(decision.seconds);
    if (held === undefined) return unavailable(1);
    if (decision.do === 'serve' && token) return served(held.grant, token);
    if (decision.do === 'give-up') return this.#giveUp(wanted, held.grant);
    return this.#refresh(wanted, held, isRejected);
  }

  async #refresh(
    wanted: TokenWanted,
    held: HeldGrant,
    force: boolean,
  ): Promise<AccessTokenResult | 'again'> {
    const { grant } = held;
    const token = tokenFor(held, wanted);
    const request = { grant, target: targetFor(grant, wanted), force };
    const now = this.clock.now();
    const spare = !force && token && isValid(token, now) ? token : undefined;
    const result = spare
      ? await this.refreshing.refreshWithin(request, patienceMs(spare, now))
      : await this.refreshing.refresh(request);
    if (result === undefined) return spare ? served(grant, spare) : unavailable(1);
    if (result.did === 'change') return 'again';
    if (result.because === 'too-soon') return force ? this.#tooSoon(wanted, grant, token) : 'again';
    // The provider is down: what is left of the stored token is better than nothing.
    if (!force && token && isValid(token, this.clock.now())) return served(grant, token);
    return unavailable(result.retryAfterSeconds);
  }

  /** Another of the grant's tokens was forced: that says nothing of one that is older. */
  #tooSoon(
    wanted: TokenWanted,
    grant: WorkingGrant,
    token: StoredToken | undefined,
  ): Promise<AccessTokenResult> {
    const age = token === undefined ? 0 : this.clock.now() - token.issuedAt;
    if (age <= forceSeconds) return this.#giveUp(wanted, grant);
    return Promise.resolve(unavailable(forceSeconds));
  }

  async #giveUp({ canAsk }: TokenWanted, { id }: WorkingGrant): Promise<AccessTokenResult> {
    if (!canAsk) return { ok: false, because: 'rejected', mayAsk: false };
    const mayAsk = await this.database.transaction((tx) => this.held.noteRejected(tx, id));
    return { ok: false, because: 'rejected', mayAsk };
  }
}

type Which = Pick<TokenWanted, 'resource' | 'allowed'>;

function targetFor(grant: WorkingGrant, { resource, allowed }: Which): TokenTarget {
  return { resource, scopes: allowed === undefined ? '' : tokenScopes(grant, allowed) };
}

function tokenFor({ grant, tokens }: HeldGrant, which: Which): StoredToken | undefined {
  const { scopes } = targetFor(grant, which);
  return tokens.find((token) => token.target.scopes === scopes);
}

/** What a decision looks at. */
export function stateOf(held: HeldGrant, which: Which): GrantState {
  const { grant } = held;
  const token = tokenFor(held, which);
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

async function served(grant: WorkingGrant, token: StoredToken): Promise<AccessTokenResult> {
  const [opened, dpopKey] = await Promise.all([token.open(), token.openKey()]);
  return { ok: true, token: opened, dpopKey, stored: token, grant };
}

function unavailable(retryAfterSeconds: number): AccessTokenResult {
  return { ok: false, because: 'unavailable', retryAfterSeconds };
}
