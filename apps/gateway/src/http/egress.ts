import { type EgressDecision, EgressGate } from '#lib/access/egress-gate';
import type { UpstreamConfig } from '#lib/contract/config-snapshot';
import { Problem } from '#lib/problem/problem';

/** The rules of one upstream, prepared once per configuration. */
export class Egress {
  readonly requestHeaders: ReadonlySet<string> | undefined;
  readonly responseHeaders: ReadonlySet<string> | undefined;
  readonly gate: EgressGate;

  constructor({ egress: rules = {} }: Pick<UpstreamConfig, 'egress'>) {
    this.gate = new EgressGate(rules);
    this.requestHeaders = rules.requestHeaders && new Set(rules.requestHeaders);
    this.responseHeaders = rules.responseHeaders && new Set(rules.responseHeaders);
  }
}

const unruled = new EgressGate();

/** Why a call may not go on; `path` is raw, below the upstream's URL, without a query. */
export function egressProblem(
  upstream: UpstreamConfig,
  method: string,
  path: string,
  webSocket: boolean,
): Problem | undefined {
  const decision = (egressOf(upstream)?.gate ?? unruled).decide(method, path, webSocket);
  return decision.kind === 'allowed' ? undefined : problemOf(upstream, method, decision.because);
}

function problemOf(
  { name, egress }: UpstreamConfig,
  method: string,
  because: Extract<EgressDecision, { kind: 'refused' }>['because'],
): Problem {
  switch (because) {
    case 'never':
      return new Problem('method-not-allowed', `${method} is not passed on.`);
    case 'methods':
      return notThisMethod(name, egress?.methods ?? []);
    case 'paths':
      return notThisPath(name, egress?.paths ?? []);
    case 'webSocket':
      return new Problem(
        'forbidden',
        `WebSocket connections to ${name} are not allowed here; an administrator allows them with egress.webSocket.`,
      );
  }
}

// RFC 9110 §15.5.6: a 405 names what is allowed.
function notThisMethod(name: string, allowed: readonly string[]): Problem {
  const detail = `Of ${name} only these methods may be called here: ${allowed.join(', ')}.`;
  const headers = { allow: allowed.join(', ') };
  return new Problem('method-not-allowed', detail, { headers, extra: { allowedMethods: allowed } });
}

function notThisPath(name: string, allowed: readonly string[]): Problem {
  const detail = `Of ${name} only these paths may be called here: ${allowed.join(', ')}.`;
  return new Problem('forbidden', detail, { extra: { allowedPaths: allowed } });
}

const prepared = new WeakMap<UpstreamConfig, Egress>();

/** The same object for as long as the configuration is the same; undefined where nothing is ruled. */
export function egressOf(upstream: UpstreamConfig): Egress | undefined {
  if (upstream.egress === undefined) return undefined;
  let egress = prepared.get(upstream);
  if (egress === undefined) {
    egress = new Egress(upstream);
    prepared.set(upstream, egress);
  }
  return egress;
}
