/** Why a person is needed. */
export type InteractionPurpose = 'connect' | 'reconnect' | 'scopes';

export interface InteractionRequest {
  readonly issuerId: string;
  readonly subject: string;
  readonly application: string;
  readonly consumer: string;
  readonly upstreamId: string;
  readonly purpose: InteractionPurpose;
  readonly scopes: readonly string[];
  /** MCP clientInfo.name: self-asserted, shown as such. */
  readonly clientName: string | undefined;
  /** One that the service has registered: there the person goes once they have answered. */
  readonly returnUri?: string | undefined;
}

export interface OpenedInteraction {
  readonly id: string;
  /** A fresh link each time; all live links of one interaction open it. */
  readonly uri: string;
  readonly message: string;
  readonly expiresInSeconds: number;
}

export interface InteractionView extends InteractionRequest {
  readonly id: string;
  readonly version: number;
  readonly status: 'pending' | 'confirming' | 'completed' | 'declined' | 'expired';
  readonly expiresInSeconds: number;
}

/** Pending requests for consent: one per (person, application, consumer, upstream). */
export interface Interactions {
  /** Reuses the pending one (scope growth bumps its version) and mints one link. */
  open(request: InteractionRequest): Promise<OpenedInteraction>;
  byId(id: string): Promise<InteractionView | undefined>;
  /** The client's person said no where the client asked: the request and its links end. */
  withdraw(interaction: InteractionView, requestId: string): Promise<void>;
}
