import type { GrantView } from '../../grants/grants.js';

export interface StateWords {
  readonly tone: '' | 'warn' | 'bad';
  readonly badge: string;
  /** What it means and what to do, where something is to do. */
  readonly detail?: string;
}

/** The state of a grant in words. `now` is epoch seconds; `isBrought`: the person gave the token. */
export function stateWords(grant: GrantView, now: number, isBrought = false): StateWords {
  if (grant.status === 'needs_consent' || grant.status === 'revoked')
    return {
      tone: 'bad',
      badge: 'Needs you',
      detail: 'The provider has ended this connection. Reconnect it to go on.',
    };
  if (grant.rejectedAt)
    return {
      tone: 'warn',
      badge: 'Refused',
      detail: isBrought
        ? 'The service refused your token. Reconnect with a new one.'
        : 'The service refused the last request made as you. Reconnecting usually helps.',
    };
  const endsAt = grant.accessTokenExpiresAt && grant.accessTokenExpiresAt.getTime() / 1000;
  if (isBrought && endsAt !== undefined)
    return endsAt <= now ? tokenOver : { tone: '', badge: 'Working' };
  if (!grant.hasRefreshToken && endsAt !== undefined)
    return endsAt <= now
      ? {
          tone: 'bad',
          badge: 'Ended',
          detail: 'The provider lets a connection last for one visit only. Reconnect it to go on.',
        }
      : { tone: '', badge: 'Working', detail: 'The provider will ask you to sign in again soon.' };
  return { tone: '', badge: 'Working' };
}

const tokenOver: StateWords = {
  tone: 'bad',
  badge: 'Ended',
  detail: 'Your token has expired. Reconnect with a new one.',
};
