import type { UpstreamConfig } from '#lib/contract/config-snapshot';
import type { Caller } from '#lib/jwt/caller';
import type { CallRequest } from '../connection/exchange.js';
import type { DeniedCall } from '../policy/report-decisions.js';
import type { BroughtToken } from './brought-token.js';

/** What a challenge needs: RFC 6750 §3 and RFC 9728 §5.1. */
export interface Refusal {
  readonly ok: false;
  readonly status: 400 | 401 | 403 | 503;
  readonly headers: Readonly<Record<string, string>>;
  /** A problem code of the catalogue and a public sentence. */
  readonly code:
    | 'invalid-request'
    | 'invalid-token'
    | 'unauthenticated'
    | 'insufficient-scope'
    | 'forbidden'
    | 'temporarily-unavailable';
  readonly detail: string;
  /** Where a good token was refused by a rule: whose, and why. */
  readonly denied?: Pick<DeniedCall, 'caller' | 'because'>;
}

export interface Admitted {
  readonly ok: true;
  readonly caller: Caller;
  /** The inbound JWT. Never forwarded, never logged. */
  readonly token: string;
  /** The upstream's own token that the caller brought, which goes before any that could be borrowed. Never logged. */
  readonly brought?: string | undefined;
  /** The token does not open this upstream, only what is public there: what everything else is answered. */
  readonly lacking?: Refusal | undefined;
}

/** Verifies the caller of one route and applies the upstream's access rule. */
export interface Inbound {
  /**
   * `resourcePath` is the protected resource's path: `/mcp`, `/mcp/{u}` or `/http/{u}`. Where guests are admitted, a good
   * token that the upstream's access rule refuses is admitted as `lacking`.
   */
  admit(
    request: CallRequest,
    resourcePath: string,
    upstream: UpstreamConfig | undefined,
    admitsGuests?: boolean,
  ): Admitted | Refusal | Promise<Admitted | Refusal>;
  /**
   * The upstream's own token in the request, where its configuration names a header for that. `admit` has looked already
   * where it was given the upstream; `/mcp` asks for each that it calls. `token` is the inbound JWT.
   */
  brought(request: CallRequest, upstream: UpstreamConfig, token: string): BroughtToken | undefined;
  /** The refusal of a call that needs `scopes` beside the base ones; without a caller: that needs a token. */
  needs(resourcePath: string, scopes: readonly string[], caller?: Caller): Refusal;
  /** Host, Origin, duplicate headers, raw target: the checks that come before any token. */
  refuseMalformed(request: CallRequest): Refusal | undefined;
}
