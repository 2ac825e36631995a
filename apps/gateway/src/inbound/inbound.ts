import type { IncomingMessage } from 'node:http';
import type { UpstreamConfig } from '#lib/contract/config-snapshot';
import type { Caller } from '#lib/jwt/caller';

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
}

export interface Admitted {
  readonly ok: true;
  readonly caller: Caller;
  /** The inbound JWT. Never forwarded, never logged. */
  readonly token: string;
}

/** Verifies the caller of one route and applies the upstream's access rule. */
export interface Inbound {
  /** `resourcePath` is the protected resource's path: `/mcp`, `/mcp/{u}` or `/http/{u}`. */
  admit(
    request: IncomingMessage,
    resourcePath: string,
    upstream: UpstreamConfig | undefined,
  ): Admitted | Refusal | Promise<Admitted | Refusal>;
  /** Host, Origin, duplicate headers, raw target: the checks that come before any token. */
  refuseMalformed(request: IncomingMessage): Refusal | undefined;
}
