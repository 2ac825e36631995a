import type { Caller } from '#lib/jwt/caller';
import type { GatewayLogger } from '../log-events.js';
import type { ReportDecisions } from './report-decisions.js';
import type { GateDecision } from './tool-gate.js';

export interface RefusedCall {
  readonly requestId: string;
  /** Undefined: a call without a token. */
  readonly caller: Pick<Caller, 'issuer' | 'subject' | 'application'> | undefined;
  readonly upstream: string;
  /** Its own name at the upstream. */
  readonly tool: string;
}

const longestShown = 128;

/** One line for the log and one for the vault's audit; being asked to sign in is no refusal. */
export function noteRefusal(
  {
    log,
    decisions,
  }: {
    readonly log: Pick<GatewayLogger, 'info'>;
    readonly decisions?: Pick<ReportDecisions, 'denied'> | undefined;
  },
  { requestId, caller: who, upstream, tool }: RefusedCall,
  decision: GateDecision,
): void {
  const because = decision.kind === 'refused' ? decision.because : decision.kind;
  if (because === 'sign-in' || because === 'allowed') return;
  const { rule } = decision;
  const caller = who && { issuer: who.issuer, subject: who.subject, application: who.application };
  const what = { upstream, tool: tool.slice(0, longestShown), rule, because };
  log.info({ event: 'tool.refused', requestId, ...caller, ...what });
  decisions?.denied({ caller, method: 'tools/call', ...what, requestId });
}
