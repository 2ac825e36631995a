import type { OutboundAnswer } from '#lib/outbound/outbound';
import type { Provider } from '../providers/provider.js';
import type { IssuerMetadata } from '../registry/discover-issuer.js';
import type { OAuthClient } from '../registry/domain/oauth-client.js';

/** Where the authorization server is, and what it says of itself. */
export interface Server {
  readonly authorization: string;
  readonly token: string;
  readonly revocation: string | undefined;
  readonly registration: string | undefined;
  /** Undefined where the endpoints were given by hand. */
  readonly metadata: IssuerMetadata | undefined;
}

/** Our registration as the probes need it. */
export interface Probe {
  readonly document: OAuthClient;
  /** The same that people connect by: what it does to requests and answers is tried with them. */
  readonly provider: Provider;
  readonly redirectUri: string;
  readonly ask: Ask;
}

/** GET; when nothing answered, the error is in words. */
export type Ask = (url: string) => Promise<Asked>;

export type Asked =
  | { readonly ok: true; readonly answer: OutboundAnswer }
  | { readonly ok: false; readonly detail: string };
