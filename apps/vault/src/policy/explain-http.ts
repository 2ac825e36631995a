import { EgressGate } from '#lib/access/egress-gate';
import { targetProblem } from '#lib/access/raw-target';
import type { Upstream } from '../registry/domain/upstream.js';
import type { ExplainedDecision } from './explain-decision.js';

/** A call at `/http/{upstream}`; `path` is raw, below the upstream's URL, with its query if it has one. */
export interface HttpCallQuestion {
  readonly method: string;
  readonly path: string;
  readonly webSocket: boolean;
}

type Rule =
  | 'target'
  | 'application'
  | 'access'
  | 'egress.methods'
  | 'egress.paths'
  | 'egress.webSocket';

/** `rule`: which member decided; null where it is none of the upstream's. `entry`: what of a list allowed it. */
export interface ExplainedCall extends Omit<ExplainedDecision, 'because'> {
  readonly rule: Rule | null;
  readonly because?: ExplainedDecision['because'] | 'target' | 'method' | 'path' | 'web-socket';
  readonly method: string;
  readonly path: string;
  readonly webSocket: boolean;
  readonly entry?: string;
  /** What is allowed instead. */
  readonly allowed?: readonly string[];
}

/** What gateways make of a call to an HTTP API, in their order: its target, who calls, then `egress`. */
export function explainHttp(
  upstream: Upstream,
  access: ExplainedDecision,
  call: HttpCallQuestion,
): ExplainedCall {
  return { ...call, ...decide(upstream, access, call) };
}

type Decided = Omit<ExplainedCall, keyof HttpCallQuestion>;

function decide(
  { slug, egress = {} }: Upstream,
  access: ExplainedDecision,
  { method, path, webSocket }: HttpCallQuestion,
): Decided {
  const target = targetProblem(`/http/${slug}${path}`);
  if (target !== undefined) return refusedTarget(target);
  if (access.decision !== 'allowed') return { ...access, rule: ruleOf(access) };
  const below = path.split('?', 1)[0] ?? '';
  const decision = new EgressGate(egress).decide(method, below, webSocket);
  if (decision.kind === 'allowed') return allowed(egress, decision.path, webSocket);
  switch (decision.because) {
    case 'never': {
      const why = `${method} is passed on to no upstream: 405.`;
      return { decision: 'refused', because: 'method', rule: null, why, help: nothing };
    }
    case 'methods':
      return notListed('method', method, egress.methods ?? []);
    case 'paths':
      return notListed('path', below === '' ? '/' : below, egress.paths ?? []);
    case 'webSocket':
      return {
        ...{ decision: 'refused', because: 'web-socket', rule: 'egress.webSocket' },
        why: 'WebSocket connections do not pass unless egress.webSocket is true: 403.',
        help: 'Set egress.webSocket of the upstream to true.',
      };
  }
}

const nothing = 'Nothing that a caller or an administrator could do.';

function ruleOf({ because }: ExplainedDecision): Rule | null {
  if (because === 'token') return null;
  return because === 'application' ? 'application' : 'access';
}

function refusedTarget(problem: string): Decided {
  return {
    ...{ decision: 'refused', because: 'target', rule: 'target' },
    why: `${problem} Such a target is refused before anything else: 400.`,
    help: 'Send the path as the upstream is to read it: without dot segments, and encoded once.',
  };
}

function notListed(what: 'method' | 'path', sent: string, list: readonly string[]): Decided {
  const status = what === 'method' ? 405 : 403;
  return {
    ...{ decision: 'refused', because: what, rule: `egress.${what}s` },
    why: `${sent} is not one of egress.${what}s: ${status}.`,
    allowed: list,
    help: `Add it to egress.${what}s of the upstream, if it is meant to pass.`,
  };
}

/** All rules that were asked say why; the last of them counts as the one that lets it pass. */
function allowed(
  { methods, paths }: NonNullable<Upstream['egress']>,
  entry: string | undefined,
  webSocket: boolean,
): Decided {
  const asked: readonly (readonly [Rule, string, boolean])[] = [
    ['access', 'the token carries what access asks for', true],
    ['egress.methods', 'egress.methods holds the method', methods !== undefined],
    ['egress.paths', `"${entry}" of egress.paths allows the path`, paths !== undefined],
    ['egress.webSocket', 'egress.webSocket is true', webSocket],
  ];
  const met = asked.filter(([, , counts]) => counts);
  const why = met.map(([, words]) => words).join('; ');
  return {
    decision: 'allowed',
    rule: met.at(-1)?.[0] ?? 'access',
    ...(entry === undefined ? {} : { entry }),
    why: `${why.charAt(0).toUpperCase()}${why.slice(1)}.`,
  };
}
