import { Problem } from '#lib/problem/problem';
import { SealBroken } from '#lib/sealing/message';
import { Secret } from '#lib/secret/secret';
import type { Sealer } from '../sealing/sealer.js';

/** Opaque page cursors, sealed for one list: nobody can make one up, or use one at another list. */
export class SealedCursors {
  constructor(private readonly sealer: Sealer) {}

  seal(list: string, position: string): string {
    return this.sealer.seal(placeOf(list), new Secret(position)).toString('base64url');
  }

  /** Where the page before ended. Rejects with Problem. */
  async open(list: string, cursor: string): Promise<string> {
    try {
      return (await this.sealer.open(placeOf(list), Buffer.from(cursor, 'base64url'))).reveal();
    } catch (error) {
      if (!(error instanceof SealBroken)) throw error;
      throw new Problem('invalid-request', 'The cursor is not one of this list. Begin without it.');
    }
  }
}

function placeOf(list: string) {
  return {
    table: 'cursor',
    column: list,
    rowId: '',
    issuer: '',
    subject: '',
    oauthClient: '',
  };
}
