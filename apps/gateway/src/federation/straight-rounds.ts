import type { BorrowedCredential } from '../credentials/credentials.js';
import type { RoundParts } from './round-parts.js';
import type { RoundRequest } from './round-request.js';
import type { Routed } from './routed.js';
import { StraightRound, type Came } from './straight-round.js';

const passedOn = new Set(['tools/call', 'prompts/get', 'resources/read', 'completion/complete']);

/** Rounds for which all is at hand: nothing has to be learnt, opened, proven or put back. */
export class StraightRounds {
  constructor(private readonly parts: Pick<RoundParts, 'peers' | 'active'>) {}

  /** Undefined where the request has to go the longer way; then nothing was sent. */
  ask(
    { call, at, asked, reply }: Routed,
    credential: BorrowedCredential,
    request: RoundRequest,
  ): Promise<Came> | undefined {
    if (!passedOn.has(asked.method)) return undefined;
    if (credential.dpop !== undefined || at.terms?.decoy !== undefined) return undefined;
    const { peers, active } = this.parts;
    const { client } = call;
    const asking = { call: at, client, credential };
    const message = peers.sent(asking, request);
    if (message === undefined) return undefined;
    const round = new StraightRound(peers, asking, request.id);
    if (client.era === 'modern') return round.send(message);
    const place = active.enter(client.session.nonce, asked.id, round, () => reply.close());
    return round.send(message).then((came) => {
      place.leave();
      return came;
    });
  }
}
