/** A signature that is being computed. */
export interface SignatureTurn {
  /** Once, when it is known whether it was good. */
  ended(good: boolean): void;
}

/** Asked before a signature is computed, of a token that nothing else speaks against; undefined: too many are. */
export type AskTurn = () => SignatureTurn | undefined | Promise<SignatureTurn | undefined>;

/** For whoever is asked by few. */
export const always: AskTurn = () => unbounded;

const unbounded: SignatureTurn = { ended: () => undefined };
