import { type AccessDecision, unmetClaims } from '#lib/access/access-rule';
import type { ToolDecision } from '#lib/access/tool-rules';
import type { AccessRule } from '#lib/contract/config-snapshot';
import type { Who } from './who-calls.js';

/** Why a call may or may not happen, in words, and what would help. */
export interface ExplainedDecision {
  readonly decision: 'allowed' | 'sign-in' | 'insufficient-scope' | 'refused';
  readonly because?: 'claims' | 'hidden' | 'denied' | 'held' | 'application' | 'token';
  readonly why: string;
  /** All that the token must carry. */
  readonly scopes?: readonly string[];
  readonly missingScopes?: readonly string[];
  /** Claims that do not meet their conditions, with these. */
  readonly unmetClaims?: Readonly<Record<string, unknown>>;
  readonly help?: string;
}

/** A tool's line: `rule` is the name or pattern that decided, null where none names it. */
export interface ExplainedTool extends ExplainedDecision {
  readonly rule: string | null;
  readonly public?: boolean;
  readonly upstreamScopes?: readonly string[];
}

export const wrongToken: ExplainedDecision = {
  decision: 'sign-in',
  because: 'token',
  why: 'The token does not count, so nothing is decided by it: the caller gets 401 invalid_token.',
  help: 'See token.checks for what to change.',
};

export function refusedApplication(standing: 'blocked' | 'refused'): ExplainedDecision {
  const why =
    standing === 'blocked'
      ? 'The application is blocked.'
      : 'The issuer refuses applications that are not registered.';
  const help = 'Register the application with trust known.';
  return { decision: 'refused', because: 'application', why, help };
}

/** Access to the upstream, whatever the tool. */
export function explainAccess(
  decision: AccessDecision | undefined,
  who: Who | undefined,
  rule: AccessRule,
  type: 'mcp' | 'http',
): ExplainedDecision {
  if (who === undefined || decision === undefined)
    return signIn(
      type === 'mcp'
        ? 'No token: only public tools may be used.'
        : 'No token: nothing may be called.',
      rule.scopes,
    );
  switch (decision.kind) {
    case 'allowed':
      return { decision: 'allowed', why: 'The token carries what access asks for.' };
    case 'insufficient-scope':
      return stepUp(decision.scopes, who);
    case 'claims':
      return failedClaims([rule], who);
  }
}

/** One tool, by the rules of its upstream; `judged` are all that must be met: access, and the rule if any. */
export function explainTool(
  decision: ToolDecision,
  who: Who | undefined,
  judged: readonly AccessRule[],
): ExplainedTool {
  const rule = decision.rule ?? null;
  switch (decision.kind) {
    case 'allowed': {
      const { isPublic, upstreamScopes } = decision;
      return {
        decision: 'allowed',
        rule,
        public: isPublic,
        upstreamScopes,
        why: allowed(decision),
      };
    }
    case 'sign-in':
      return { rule, ...signIn('No token, and the tool is not public.', decision.scopes) };
    case 'insufficient-scope':
      return { rule, ...stepUp(decision.scopes, who) };
    case 'refused':
      return { rule, ...refused(decision, judged, who) };
  }
}

export function heldTool(rule: string | undefined): ExplainedTool {
  return {
    decision: 'refused',
    because: 'held',
    rule: rule ?? null,
    why: 'The server changed this tool, and no administrator has let the change through.',
    help: 'Look at it, then POST /admin/v1/upstreams/{slug}/tools/approve.',
  };
}

function allowed({ rule, isPublic }: Extract<ToolDecision, { kind: 'allowed' }>): string {
  if (isPublic) return `The rule "${rule}" makes it public: anybody may, without a token too.`;
  if (rule === undefined) return 'No rule names it, default is allow, and access is met.';
  return `The token carries what access and the rule "${rule}" ask for.`;
}

function refused(
  { because, rule }: Extract<ToolDecision, { kind: 'refused' }>,
  judged: readonly AccessRule[],
  who: Who | undefined,
): ExplainedDecision {
  switch (because) {
    case 'claims':
      return failedClaims(judged, who);
    case 'hidden': {
      const why = `The rule "${rule}" hides it: it is neither listed nor callable.`;
      return { decision: 'refused', because, why, help: 'Nothing that a caller could do.' };
    }
    case 'denied': {
      const why = 'No rule names it, and default is deny.';
      return { decision: 'refused', because, why, help: 'Add a rule for it to tools.' };
    }
  }
}

function failedClaims(judged: readonly AccessRule[], who: Who | undefined): ExplainedDecision {
  const unmet = judged.flatMap((rule) =>
    unmetClaims({ claims: who?.claims ?? {} }, rule).map((name) => [name, rule.claims[name]]),
  );
  return {
    decision: 'refused',
    because: 'claims',
    why: 'A claim is missing or another one; the caller is told no more than that.',
    unmetClaims: Object.fromEntries(unmet) as Record<string, unknown>,
    help: 'The issuer must put these claims into the token: a role or a group, usually. No scope helps.',
  };
}

function stepUp(scopes: readonly string[], who: Who | undefined): ExplainedDecision {
  const missingScopes = scopes.filter((scope) => who?.scopes.includes(scope) !== true);
  return {
    decision: 'insufficient-scope',
    why: `The token lacks ${missingScopes.join(' ')}: 403 insufficient_scope names all that is needed.`,
    scopes,
    missingScopes,
    help: 'A token with all of scopes, or with a broader one of the scopeHierarchy of its issuer.',
  };
}

function signIn(why: string, scopes: readonly string[]): ExplainedDecision {
  return { decision: 'sign-in', why, scopes, help: 'An access token of a registered issuer.' };
}
