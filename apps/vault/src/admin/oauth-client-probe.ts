import type { OutboundAnswer } from '#lib/outbound/outbound';
import type { Secret } from '#lib/secret/secret';
import type { IssuerMetadata } from '../registry/discover-issuer.js';
import type { OAuthClient } from '../registry/domain/oauth-client.js';

/** Where the authorization server is, and what it says of itself. */
export interface Server {
  readonly authorization: string;
  readonly token: string;
  /** Undefined where the endpoints were given by hand. */
  readonly metadata: IssuerMetadata | undefined;
}

/** Our registration as the probes need it. */
export interface Probe {
  readonly document: OAuthClient;
  readonly clientId: string;
  readonly secret: Secret | undefined;
  readonly redirectUri: string;
  /** Undefined when nothing answered; the error is then in words. */
  readonly ask: (
    url: string,
    form?: URLSearchParams,
    headers?: Record<string, string>,
  ) => Promise<Asked>;
}

export type Asked =
  | { readonly ok: true; readonly answer: OutboundAnswer }
  | { readonly ok: false; readonly detail: string };
