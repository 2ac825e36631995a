import { Problem } from '#lib/problem/problem';

/** Whose issuer still signs tokens, though they have left. */
export interface Person {
  readonly issuerId: string;
  readonly subject: string;
}

export const leftDetail =
  'This person has left: everything of theirs was ended, and nothing new begins until an administrator lifts that.';

/** Nothing of a person who left is stored, whoever asks for it and whatever their token says. */
export class PersonLeft extends Problem {
  constructor() {
    super('forbidden', leftDetail);
  }
}
