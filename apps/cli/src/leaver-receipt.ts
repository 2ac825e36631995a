import { z } from 'zod';

const record = z.looseObject({
  id: z.string(),
  action: z.string(),
  position: z.number().nullable(),
});

const token = z.looseObject({
  token: z.string(),
  state: z.string(),
  nextAttemptAt: z.string().nullable(),
  retriedUntil: z.string().nullable(),
});

const connection = z.looseObject({
  oauthClient: z.string().nullable(),
  upstream: z.string().nullable(),
  account: z.looseObject({ subject: z.string(), name: z.string().nullable() }).nullable(),
  atProvider: z.string(),
  detail: z.string(),
  tokens: z.array(token),
  remaining: z.array(
    z.looseObject({
      token: z.string(),
      validUntil: z.string().nullable(),
      detail: z.string(),
    }),
  ),
});

const receipt = z.looseObject({
  leaver: z.string(),
  issuer: z.string(),
  subject: z.string(),
  orderedAt: z.string(),
  requestId: z.string(),
  endedHereAt: z.string().nullable(),
  settledAt: z.string().nullable(),
  ended: z.looseObject({
    connections: z.number(),
    consents: z.number(),
    interactions: z.number(),
    sessions: z.number(),
  }),
  connections: z.array(connection),
  otherTokens: z.array(token),
  stillValid: z.looseObject({
    atGatewaysUntil: z.string().nullable(),
    latest: z.string().nullable(),
    unlimited: z.boolean(),
  }),
});

const bar = z.looseObject({
  inForce: z.boolean(),
  setBy: z.string(),
  liftedAt: z.string().nullable(),
});

/** One person who left, as `GET /admin/v1/leavers` lists them. */
export const leaverSummary = z.looseObject({
  id: z.string(),
  issuer: z.string(),
  subject: z.string(),
  status: z.enum(['ending', 'waiting', 'complete']),
  orderedAt: z.string(),
  bar,
});

/** The same with the receipt; what a newer vault adds is kept, or the digest would not fit. */
export const leaverEntry = leaverSummary.extend({
  receipt,
  digest: z.looseObject({ sha256: z.string(), final: z.boolean() }),
  audit: z.looseObject({ records: z.array(record) }),
});

export type LeaverSummary = z.output<typeof leaverSummary>;
export type LeaverEntry = z.output<typeof leaverEntry>;

const statuses: Record<LeaverEntry['status'], string> = {
  ending: 'not all is over here yet; the vault goes on',
  waiting: 'all is over here; a provider is still to answer',
  complete: 'all is over, and every provider has answered or was given up',
};

/** The receipt for a person to read. */
export function receiptLines(entry: LeaverEntry): string[] {
  const { receipt: held, status, digest } = entry;
  const { ended, stillValid } = held;
  return [
    `Leaver ${entry.id}: ${held.subject} of ${held.issuer}`,
    `  ordered ${held.orderedAt}, request ${held.requestId}; ended here ${held.endedHereAt ?? 'not yet'}`,
    `  ${statuses[status]}`,
    `  ended: ${counted(ended.connections, 'connection')}, ${counted(ended.consents, 'consent')}, ${counted(ended.interactions, 'pending request')}, ${counted(ended.sessions, 'session')}`,
    ...held.connections.flatMap(connectionLines),
    ...held.otherTokens.map(
      (one) => `  another ${one.token}: ${one.state}${nextTry(one.nextAttemptAt)}`,
    ),
    `  at gateways until ${stillValid.atGatewaysUntil ?? '?'} at the latest; anywhere else ${latest(stillValid)}`,
    `  ${barLine(entry)}`,
    `  SHA-256 ${digest.sha256}${digest.final ? ', final' : ', not final'}`,
  ];
}

/** One line of a list. */
export function summaryLine(entry: LeaverSummary): string {
  const { id, orderedAt, issuer, subject, status } = entry;
  return `${id}  ${orderedAt}  ${issuer}  ${subject}  ${status}  ${barLine(entry)}`;
}

function connectionLines(held: LeaverEntry['receipt']['connections'][number]): string[] {
  const where = held.upstream ?? held.oauthClient ?? 'a service that is no longer registered';
  const account = held.account ? ` as ${held.account.name ?? held.account.subject}` : '';
  const pending = held.tokens.find(({ state }) => state === 'pending');
  const until = pending?.retriedUntil ? ` until ${pending.retriedUntil}` : '';
  return [
    `  ${where}${account}: ${held.atProvider}. ${held.detail}${nextTry(pending?.nextAttemptAt ?? null)}${until}`,
    ...held.remaining.map(
      ({ token: kind, validUntil, detail }) =>
        `    ${kind} until ${validUntil ?? 'nobody says when'}: ${detail}`,
    ),
  ];
}

function nextTry(at: string | null): string {
  return at === null ? '' : ` Next attempt ${at}`;
}

function latest({ latest: time, unlimited }: LeaverEntry['receipt']['stillValid']): string {
  if (unlimited) return 'nobody says until when';
  return time === null ? 'nothing is left' : `until ${time}`;
}

function barLine({ bar: { inForce, setBy, liftedAt } }: Pick<LeaverSummary, 'bar'>): string {
  return inForce ? `barred by ${setBy}` : `bar lifted ${liftedAt ?? ''}`;
}

function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}
