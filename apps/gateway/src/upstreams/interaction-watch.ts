/** The pending interactions that somebody at this gateway waits for. */
export interface InteractionWatch {
  /** Resolves when the interaction ends, at the deadline, or on abort; never rejects. */
  ended(
    interactionId: string,
    timeoutMs: number,
    signal: AbortSignal,
  ): Promise<'completed' | 'declined' | 'expired' | 'timeout' | 'aborted'>;
  /** The person said no to the client: nothing stays pending. */
  withdraw(interactionId: string): Promise<void>;
  /** Calls `listener` for each interaction that ends; returns the way to stop. */
  onEnded(
    listener: (ended: {
      interactionId: string;
      issuer: string;
      subject: string;
      application: string;
      upstream: string;
      state: 'completed' | 'declined' | 'expired';
    }) => void,
  ): () => void;
  onGrantChanged(
    listener: (change: {
      issuer: string;
      subject: string;
      grantId: string;
      status: string;
    }) => void,
  ): () => void;
  onSessionEnded(listener: (nonce: string) => void): () => void;
  /** Tells every replica that a legacy session is over. */
  endSession(nonce: string): Promise<void>;
}
