/** `confirming`: the person came back with another upstream account than before and must say which one stays. */
export type InteractionStatus = 'pending' | 'confirming' | 'completed' | 'declined' | 'expired';

export type InteractionStep = 'hold' | 'reopen' | 'complete' | 'decline' | 'expire';

const steps: Readonly<
  Record<InteractionStatus, Readonly<Partial<Record<InteractionStep, InteractionStatus>>>>
> = {
  pending: { hold: 'confirming', complete: 'completed', decline: 'declined', expire: 'expired' },
  confirming: {
    reopen: 'pending',
    complete: 'completed',
    decline: 'declined',
    expire: 'expired',
  },
  completed: {},
  declined: {},
  expired: {},
};

/** Where a step leads from a status; undefined where it cannot be taken. An ended interaction stays ended. */
export function statusAfter(
  status: InteractionStatus,
  step: InteractionStep,
): InteractionStatus | undefined {
  return steps[status][step];
}

/** The statuses that a step can be taken from. */
export function statusesBefore(step: InteractionStep): InteractionStatus[] {
  const all = Object.keys(steps) as InteractionStatus[];
  return all.filter((status) => steps[status][step] !== undefined);
}

/** What the status is now: one whose time is over has expired, swept or not. */
export function statusNow(stored: InteractionStatus, expiresInSeconds: number): InteractionStatus {
  const isOpen = stored === 'pending' || stored === 'confirming';
  return isOpen && expiresInSeconds <= 0 ? 'expired' : stored;
}

/** The scopes of one pending interaction only grow; `grown` says that a page shown before is out of date. */
export function growScopes(
  held: readonly string[],
  asked: readonly string[],
): { readonly scopes: readonly string[]; readonly grown: boolean } {
  const scopes = [...new Set([...held, ...asked])].toSorted();
  return { scopes, grown: scopes.length > new Set(held).size };
}
