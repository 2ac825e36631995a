import type { Clock } from '#lib/clock/clock';
import type { Caller } from '#lib/jwt/caller';
import type { CallRequest, CallResponse } from '../connection/exchange.js';
import type { AccessLog } from '../http/access-log.js';
import type { Credentials } from '../credentials/credentials.js';
import type { InteractionWatch } from '../upstreams/interaction-watch.js';
import type { Inbound, Refusal } from '../inbound/inbound.js';
import type { UpstreamLimits } from '../limits/upstream-limits.js';
import type { GatewayLogger } from '../log-events.js';
import type { ReportDecisions } from '../policy/report-decisions.js';
import type { ToolInventory } from '../policy/tool-inventory.js';
import type { StateSealer } from '../sealed-state.js';
import type { PreparedUpstream, Upstreams } from '../upstreams/upstreams.js';

/** What the MCP routes need of the rest of the gateway. */
export interface McpDeps {
  /** The gateway's public URL, without a final slash. */
  readonly publicUrl: string;
  readonly inbound: Inbound;
  readonly upstreams: Upstreams;
  readonly credentials: Credentials;
  readonly watch: InteractionWatch;
  readonly sealer: StateSealer;
  readonly clock: Clock;
  readonly log: Pick<GatewayLogger, 'info' | 'error'>;
  readonly access: Pick<AccessLog, 'wrote'>;
  /** What each person and everybody may ask of an upstream. */
  readonly limits?: UpstreamLimits;
  /** Learns what servers list, and knows which tools changed. */
  readonly inventory?: Pick<ToolInventory, 'seen' | 'standing'>;
  /** Hears of every call that the policy refuses. */
  readonly decisions?: Pick<ReportDecisions, 'denied'>;
  /** Answer -32021 and -32042 as the revisions say instead of a tool result with the link. */
  readonly strictElicitation?: boolean;
  /** How long a retry is held; below the SDK's 60 s request timeout. Default 45,000. */
  readonly holdMs?: number;
}

/** One admitted HTTP request to one upstream, and what its access line will say. */
export interface McpCall {
  readonly requestId: string;
  readonly request: CallRequest;
  readonly response: CallResponse;
  readonly caller: Caller;
  /** The inbound JWT: for the vault only. */
  readonly token: string;
  /** The upstream's own token, from the caller's request. */
  readonly brought?: string | undefined;
  readonly upstream: PreparedUpstream;
  /** The protected resource's path, `/mcp/{upstream}`: sealed state is bound to it. */
  readonly route: string;
  /** Aborted when the client leaves before its answer is complete. */
  readonly gone: AbortSignal;
  readonly outcome: { method?: string; tool?: string; grantId?: string };
  /** The caller may use what is public here and no more: what everything else is answered. */
  readonly lacking?: Refusal | undefined;
  /** How this call goes on, by the policy. */
  terms?: CallTerms;
  /** Set once the credential lent to this call is nobody's. */
  lentPublicly?: boolean;
}

/** What the policy says of a tool that may be called. */
export interface CallTerms {
  readonly isPublic: boolean;
  /** What the person's grant must hold beside the upstream's own scopes. */
  readonly scopes: readonly string[];
  /** Under `hold`, this replica has not seen the tool listed: the server's list is read before it is called. */
  readonly isUnseen?: boolean;
  /** The tool is hidden: the upstream is asked for this one instead, which it does not have. */
  readonly decoy?: string;
}

/** The same person through the same application at the same upstream. */
export function sharerOf(call: Pick<McpCall, 'caller' | 'upstream'>): string {
  const { issuer, subject, application } = call.caller;
  return JSON.stringify([issuer, subject, application, call.upstream.config.slug]);
}
