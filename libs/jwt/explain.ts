import type { Clock } from '#lib/clock/clock';
import { applicationOf, isMachine } from './application.js';
import type { AcceptableAudience } from './audience.js';
import type { Refusal } from './caller.js';
import { type Claims, readClaim } from './claim.js';
import { claimChecks } from './claim-checks.js';
import type { Check, Examined } from './check.js';
import { parseCompactToken } from './compact-token.js';
import { headerChecks } from './header-checks.js';
import { formerName, isIssuedBy, type IssuerTrust, jwksUriOf } from './issuer-trust.js';
import type { JwksCache } from './jwks-cache.js';
import { impliedScopes, scopesOf } from './scopes.js';
import { refuseSignature } from './signature-check.js';

/** One line of an explanation. `value` is what the token says, shortened; the signature is never part of it. */
export interface Explanation {
  readonly check: string;
  readonly status: 'pass' | 'fail' | 'info';
  readonly value?: string;
  readonly detail: string;
  readonly fix?: string;
}

/** What it is explained against. */
export interface ExplainContext {
  readonly trust: IssuerTrust;
  readonly acceptable: AcceptableAudience;
  readonly keys: JwksCache;
  readonly clock: Clock;
}

const maxValueLength = 300;

/** Every rule of the verifier with its outcome, in the order of a token's parts, and the facts that follow. Stores nothing. */
export async function explainToken(
  token: string,
  context: ExplainContext,
): Promise<readonly Explanation[]> {
  const { acceptable, clock, keys } = context;
  const parsed = parseCompactToken(token.trim());
  if ('refusal' in parsed) return [failed('format', parsed.refusal)];
  const trust = { ...context.trust, jwksUri: jwksUriOf(context.trust, parsed.claims.iss) };
  const examined: Examined = { ...parsed, trust, acceptable, now: clock.now() };
  const lines = [issuerCheck, ...headerChecks].map((check) => explain(check, examined));
  const signature = lines.some(({ status }) => status === 'fail')
    ? notTried
    : signatureLine(await refuseSignature(token.trim(), parsed.header, trust, keys));
  return [
    formatLine,
    ...lines,
    signature,
    ...claimChecks.map((check) => explain(check, examined)),
    ...facts(examined),
  ];
}

const issuerCheck: Check = {
  name: 'iss',
  value: ({ claims }) => claims.iss,
  refuse: ({ claims: { iss }, trust, now }) =>
    isIssuedBy(trust, iss, now) ? undefined : otherIssuer(iss, trust),
  passes: 'The token comes from this issuer.',
};

function otherIssuer(iss: unknown, trust: IssuerTrust): Refusal {
  const onlySlash =
    typeof iss === 'string' && iss.replace(/\/$/, '') === trust.issuer.replace(/\/$/, '');
  if (formerName(trust, iss) !== undefined)
    return {
      reason: 'unknown-issuer',
      detail: `The token bears a name that ${trust.issuer} had before it moved, and that counts no more.`,
      fix: 'Have the client sign in anew. If it gets such a token again, its authorization server is still configured under the old URL.',
    };
  const fix = onlySlash
    ? 'They differ only in the slash at the end, and issuers are compared byte by byte: register the issuer as the token spells it, or list that spelling in alsoIssuedAs.'
    : 'Test the token at the issuer that it names. If this is the same directory under another name (Entra v1 and v2), list it in alsoIssuedAs.';
  return {
    reason: 'unknown-issuer',
    detail: `The token comes from another issuer than ${trust.issuer}.`,
    fix,
  };
}

function explain(check: Check, examined: Examined): Explanation {
  const refusal = check.refuse(examined);
  const value = printed(check.value?.(examined));
  if (refusal !== undefined) return { ...failed(check.name, refusal), ...value };
  return { check: check.name, status: 'pass', ...value, detail: check.passes };
}

function failed(check: string, { detail, fix }: Refusal): Explanation {
  return { check, status: 'fail', detail, ...(fix === undefined ? {} : { fix }) };
}

function signatureLine(refusal: Refusal | undefined): Explanation {
  if (refusal !== undefined) return failed('signature', refusal);
  return { check: 'signature', status: 'pass', detail: 'A key of the issuer signed this token.' };
}

function printed(value: unknown): { value?: string } {
  if (value === undefined) return {};
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  return { value: text.length > maxValueLength ? `${text.slice(0, maxValueLength)}…` : text };
}

const formatLine: Explanation = {
  check: 'format',
  status: 'pass',
  detail: 'This is a signed JWT.',
};
const notTried: Explanation = {
  check: 'signature',
  status: 'info',
  detail: 'Not checked, because the header or the issuer was refused.',
};

function facts(examined: Examined): Explanation[] {
  const { claims } = examined;
  const scopes = scopesOf(claims);
  const scopeLine: Explanation = {
    check: 'scopes',
    status: 'info',
    ...printed(scopes?.join(' ')),
    detail: scopes === undefined ? 'The token carries no scopes.' : 'Rules on scopes see these.',
  };
  return [
    ...machineLine(examined),
    scopeLine,
    ...impliedLine(examined, scopes),
    ...roleLines(claims),
  ];
}

function impliedLine({ trust }: Examined, carried: readonly string[] = []): Explanation[] {
  const implied = impliedScopes(carried, trust.scopeHierarchy).slice(carried.length);
  const detail = 'Rules on scopes see these too, by the scopeHierarchy of the issuer.';
  return implied.length === 0
    ? []
    : [{ check: 'implied scopes', status: 'info', ...printed(implied.join(' ')), detail }];
}

function machineLine({ claims, trust }: Examined): Explanation[] {
  const answer = applicationOf(claims, trust);
  const subject = readClaim(claims, trust.subjectClaim);
  if (!('application' in answer) || typeof subject !== 'string') return [];
  const machine = isMachine(claims, subject, answer.application);
  const detail = machine
    ? 'The token is about the application itself (a service account, client credentials): it never uses a grant that a person gave.'
    : 'The token is about a person.';
  return [{ check: 'machine', status: 'info', value: String(machine), detail }];
}

const rolePointers = ['/roles', '/groups', '/realm_access/roles'];

/** Keycloak nests its roles; rules reach them by these pointers. */
function roleLines(claims: Claims): Explanation[] {
  const perClient = claims.resource_access;
  const clients = typeof perClient === 'object' && perClient !== null ? Object.keys(perClient) : [];
  const pointers = [
    ...rolePointers,
    ...clients.map((client) => `/resource_access/${escape(client)}/roles`),
  ];
  return pointers.flatMap((pointer) => {
    const value = readClaim(claims, pointer);
    const detail = 'Rules on claims reach this by the pointer.';
    return value === undefined
      ? []
      : [{ check: pointer, status: 'info', ...printed(value), detail }];
  });
}

function escape(step: string): string {
  return step.replaceAll('~', '~0').replaceAll('/', '~1');
}
