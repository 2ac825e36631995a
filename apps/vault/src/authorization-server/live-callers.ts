import type { Caller } from '#lib/jwt/caller';
import type { PostgresClientSessions } from './postgres-client-sessions.js';

/** Whether the session of a client behind a token of our own still lives; tokens of corporate issuers have none here. */
export class LiveCallers {
  constructor(private readonly sessions: Pick<PostgresClientSessions, 'isLive'>) {}

  async counts({ signedInHere, claims }: Caller): Promise<boolean> {
    if (signedInHere !== true) return true;
    const { sid } = claims;
    return typeof sid === 'string' && this.sessions.isLive(sid);
  }
}
