/** What an auditor gets: facts with their times, the same words whenever it is read again. Times are RFC 3339. */
export interface Receipt {
  readonly leaver: string;
  readonly issuer: string;
  readonly subject: string;
  readonly reason: string | null;
  readonly orderedBy: unknown;
  readonly orderedAt: string;
  readonly requestId: string;
  readonly endedHereAt: string | null;
  readonly settledAt: string | null;
  readonly ended: Readonly<
    Record<'connections' | 'consents' | 'interactions' | 'sessions', number>
  >;
  readonly connections: readonly ConnectionEntry[];
  /** Of accounts that were never confirmed, and of connections that had ended before. */
  readonly otherTokens: readonly TokenEntry[];
  readonly stillValid: {
    /** Gateways drop what they borrowed by then at the latest. */
    readonly atGatewaysUntil: string | null;
    /** The last time that any token of theirs may be good anywhere; null where none is left. */
    readonly latest: string | null;
    /** For some of them nobody says until when. */
    readonly unlimited: boolean;
  };
}

export type AtProvider = 'revoked' | 'pending' | 'not-supported' | 'failed' | 'nothing-to-revoke';

export interface ConnectionEntry {
  readonly grantId: string;
  readonly oauthClient: string | null;
  readonly upstream: string | null;
  readonly account: { readonly subject: string; readonly name: string | null } | null;
  readonly scopes: readonly string[];
  readonly statusBefore: string;
  readonly connectedAt: string;
  readonly lastUsedAt: string | null;
  readonly endedAt: string;
  readonly atProvider: AtProvider;
  readonly detail: string;
  readonly tokens: readonly TokenEntry[];
  readonly remaining: readonly RemainingEntry[];
}

export interface TokenEntry {
  readonly token: 'refresh_token' | 'access_token';
  readonly oauthClient: string | null;
  readonly state: string;
  readonly attempts: number;
  readonly lastAttemptAt: string | null;
  readonly nextAttemptAt: string | null;
  /** While pending: when it is given up at the latest. */
  readonly retriedUntil: string | null;
  readonly endedAt: string | null;
  readonly validUntil: string | null;
}

export interface RemainingEntry {
  readonly token: 'refresh_token' | 'access_token';
  /** Null where nobody said. */
  readonly validUntil: string | null;
  readonly detail: string;
}

const sentences: Record<AtProvider, string> = {
  revoked: 'The provider has confirmed that the tokens are no longer valid.',
  pending: 'The provider has not confirmed the revocation yet, and is asked again.',
  'not-supported':
    'The provider offers no way to revoke tokens. Symbolon was the only one to hold them and has forgotten them.',
  failed:
    'The provider never confirmed the revocation. Symbolon has forgotten the tokens; remove the access in the provider’s own administration.',
  'nothing-to-revoke': 'There was no token left to revoke.',
};

const unreadable =
  'A stored token could not be opened, so the provider could not be told of it. Remove the access in the provider’s own administration.';

/** What the tokens of one connection have come to: the least that was achieved. */
export function atProviderOf(
  states: readonly string[],
  { owed, isUnreadable }: { owed: number; isUnreadable: boolean },
): { readonly atProvider: AtProvider; readonly detail: string } {
  if (isUnreadable) return { atProvider: 'failed', detail: unreadable };
  const atProvider = summaryOf(states, owed);
  return { atProvider, detail: sentences[atProvider] };
}

function summaryOf(states: readonly string[], owed: number): AtProvider {
  if (states.includes('pending')) return 'pending';
  // One whose record is gone was dropped with its oauth client: nobody has asked the provider.
  if (states.includes('failed') || states.length < owed) return 'failed';
  if (states.includes('not-supported')) return 'not-supported';
  return owed === 0 ? 'nothing-to-revoke' : 'revoked';
}

/** What of a token may still be good somewhere, though nobody here can use it. */
export function remainderOf({ token, state, validUntil }: TokenEntry): RemainingEntry[] {
  if (state === 'pending')
    return [{ token, validUntil, detail: 'The provider has not confirmed its end yet.' }];
  if (state === 'failed')
    return [{ token, validUntil, detail: 'The provider never confirmed its end.' }];
  if (state === 'not-supported')
    return [{ token, validUntil, detail: 'The provider cannot be told to end it.' }];
  return [];
}

/** Whoever borrowed it may verify it without asking the provider (RFC 7009 §3). */
export function lentCopies(validUntil: string): RemainingEntry {
  return {
    token: 'access_token',
    validUntil,
    detail:
      'Copies that were lent to services may be accepted until then by an upstream that does not ask the provider. Our gateways have dropped theirs.',
  };
}

/** Of a token that the person had brought, and that nobody but its service can end. */
export const leftAlone = {
  atProvider: 'not-supported',
  detail:
    'The person had made this token at the service themselves. Symbolon has forgotten it; an administrator of the service has to revoke it there.',
} as const;

export function notOurs(validUntil: string | null): RemainingEntry {
  return {
    token: 'access_token',
    validUntil,
    detail: 'The person had made it at the service, where it is valid until it is revoked.',
  };
}

/** The end of it all, as far as it is known. */
export function latestOf(
  remaining: readonly RemainingEntry[],
): Pick<Receipt['stillValid'], 'latest' | 'unlimited'> {
  const times = remaining.flatMap(({ validUntil }) => (validUntil === null ? [] : [validUntil]));
  return {
    // RFC 3339 in UTC, all of the same width: the order of the texts is that of the times.
    latest: times.toSorted().at(-1) ?? null,
    unlimited: remaining.some(({ validUntil }) => validUntil === null),
  };
}
