import { retriedForSeconds } from '../outbox/retry-schedule.js';
import {
  atProviderOf,
  type ConnectionEntry,
  latestOf,
  leftAlone,
  lentCopies,
  notOurs,
  type Receipt,
  remainderOf,
  type TokenEntry,
} from './domain/receipt.js';
import type { EndedConnection, Leaver, TokenRevocation } from './leaver.js';

// Promise R3 of the gateways: a revoked grant is unusable within this.
const gatewaySeconds = 5;

/** The rows of one person who left as a receipt. */
export function writeReceipt(
  leaver: Leaver,
  connections: readonly EndedConnection[],
  revocations: readonly TokenRevocation[],
): Receipt {
  const entries = connections.map((connection) => connectionEntry(connection, revocations));
  const connected = new Set(connections.map(({ grantId }) => grantId));
  const otherTokens = revocations
    .filter(({ grantId }) => grantId === null || !connected.has(grantId))
    .map(tokenEntry);
  const remaining = [
    ...entries.flatMap((entry) => entry.remaining),
    ...otherTokens.flatMap(remainderOf),
  ];
  const { id, issuer, subject, reason, orderedBy, requestId } = leaver;
  const { consents, interactions, sessions, endedAt } = leaver;
  return {
    ...{ leaver: id, issuer, subject, reason, orderedBy },
    orderedAt: leaver.orderedAt.toISOString(),
    requestId,
    endedHereAt: iso(endedAt),
    settledAt: iso(leaver.settledAt),
    ended: { connections: entries.length, consents, interactions, sessions },
    connections: entries,
    otherTokens,
    stillValid: { atGatewaysUntil: iso(later(endedAt, gatewaySeconds)), ...latestOf(remaining) },
  };
}

function connectionEntry(
  connection: EndedConnection,
  revocations: readonly TokenRevocation[],
): ConnectionEntry {
  const { grantId, oauthClient, upstream, upstreamSubject } = connection;
  const tokens = revocations.filter((one) => one.grantId === grantId).map(tokenEntry);
  const states = tokens.map(({ state }) => state);
  const { owed, unreadable: isUnreadable, endedAt, scopes, statusBefore } = connection;
  return {
    ...{ grantId, oauthClient, upstream },
    account:
      upstreamSubject === null
        ? null
        : { subject: upstreamSubject, name: connection.upstreamAccount },
    ...{ scopes, statusBefore },
    connectedAt: connection.connectedAt.toISOString(),
    lastUsedAt: iso(connection.lastUsedAt),
    endedAt: endedAt.toISOString(),
    ...(connection.leftAlone ? leftAlone : atProviderOf(states, { owed, isUnreadable })),
    tokens,
    remaining: [...tokens.flatMap(remainderOf), ...copies(connection)],
  };
}

function copies({ leftAlone: isLeft, accessTokenUntil: until, endedAt }: EndedConnection) {
  if (isLeft) return [notOurs(iso(until))];
  return until !== null && until > endedAt ? [lentCopies(until.toISOString())] : [];
}

function tokenEntry(revocation: TokenRevocation): TokenEntry {
  const { token, oauthClient, state, attempts, createdAt, validUntil } = revocation;
  const givenUp = state === 'pending' ? later(createdAt, retriedForSeconds) : null;
  return {
    ...{ token, oauthClient, state, attempts },
    lastAttemptAt: iso(revocation.lastAttemptAt),
    nextAttemptAt: iso(revocation.nextAttemptAt),
    retriedUntil: iso(sooner(givenUp, validUntil)),
    endedAt: iso(revocation.endedAt),
    validUntil: iso(validUntil),
  };
}

function sooner(one: Date | null, other: Date | null): Date | null {
  return one !== null && other !== null && other < one ? other : one;
}

function later(from: Date | null, seconds: number): Date | null {
  return from && new Date(from.getTime() + Math.round(seconds * 1000));
}

function iso(time: Date | null): string | null {
  return time?.toISOString() ?? null;
}
