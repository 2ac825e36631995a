import { decideAccess } from '#lib/access/access-rule';
import { decideApplication } from '#lib/access/application-rule';
import { Problem } from '#lib/problem/problem';
import type { AuditActor, AuditLog } from '../audit/audit-log.js';
import type { Database } from '../database/database.js';
import type { Upstream } from '../registry/domain/upstream.js';
import type { Registry, Stored } from '../registry/registry-snapshot.js';
import type { ExplainCredential } from './explain-credential.js';
import {
  type ExplainedDecision,
  explainAccess,
  refusedApplication,
  wrongToken,
} from './explain-decision.js';
import { type ExplainedCall, explainHttp, type HttpCallQuestion } from './explain-http.js';
import { type ExplainedTools, explainTools } from './explain-tools.js';
import type { PolicyQuestion } from './policy-question.js';
import type { Calling, Who, WhoCalls } from './who-calls.js';

export interface ExplainPolicyParts {
  readonly registry: Registry;
  readonly whoCalls: WhoCalls;
  readonly credential: ExplainCredential;
  readonly database: Database;
  readonly audit: AuditLog;
}

type Decided = {
  readonly access: ExplainedDecision;
  readonly call?: ExplainedCall;
} & ExplainedTools;

interface Asking {
  readonly actor: AuditActor;
  readonly requestId: string;
}

/** Answers who may use what, by which rule and why, as gateways would decide. Stores nothing of a token. */
export class ExplainPolicy {
  constructor(private readonly parts: ExplainPolicyParts) {}

  /** Throws Problem where there is no such upstream or issuer. */
  async explain(question: PolicyQuestion, asking: Asking) {
    const registry = await this.parts.registry.refresh();
    const upstream = registry.upstream(question.upstream);
    if (upstream === undefined)
      throw new Problem('not-found', `There is no upstream "${question.upstream}".`);
    if (upstream.document.type === 'mcp') refuseHttpMembers(question);
    const calling = await this.parts.whoCalls.read(question);
    const decided = this.#decide(question, calling, upstream);
    await this.#record(question, calling.who, asking);
    return {
      upstream: question.upstream,
      ...(question.method === undefined ? {} : { method: question.method }),
      who: this.#presented(calling.who),
      ...(calling.token === undefined ? {} : { token: calling.token }),
      ...decided,
      credential: await this.parts.credential.explain(upstream, {
        who: calling.who,
        isPublic: decided.tool?.public === true,
        hasAccess: decided.access.decision === 'allowed',
      }),
    };
  }

  #decide(question: PolicyQuestion, calling: Calling, upstream: Stored<Upstream>): Decided {
    const { who } = calling;
    const refused = this.#refusedCaller(question, calling);
    const access = refused ?? accessOf(who, upstream.document);
    const http = httpCallOf(question, upstream.document);
    if (http !== undefined) return { access, call: explainHttp(upstream.document, access, http) };
    if (refused !== undefined) return { access };
    const { tool } = question;
    const held = this.parts.registry.current().heldTools(upstream.id);
    return {
      access,
      ...explainTools({ upstream: upstream.document, held, who, access, tool }),
    };
  }

  #refusedCaller({ token }: PolicyQuestion, { who }: Calling): ExplainedDecision | undefined {
    if (who === undefined) return token === undefined ? undefined : wrongToken;
    const registry = this.parts.registry.current();
    const issuer = registry.issuer(who.issuer)?.document;
    if (issuer === undefined) return undefined;
    const applications = registry.applications.map(({ document }) => document);
    const decision = decideApplication(who.application, issuer, applications);
    return decision === 'blocked' || decision === 'refused'
      ? refusedApplication(decision)
      : undefined;
  }

  #presented(who: Who | undefined) {
    if (who === undefined) return null;
    const { issuer, subject = null, application, machine, scopes } = who;
    const { name, trust } = this.parts.registry.current().standing(issuer, application);
    return { issuer, subject, application: { id: application, name, trust }, machine, scopes };
  }

  /** Who asked about whom: it tells an administrator something of a person. */
  async #record(
    { upstream, tool, token, anonymous, method, path }: PolicyQuestion,
    who: Who | undefined,
    { actor, requestId }: Asking,
  ): Promise<void> {
    const { issuer, subject, application } = who ?? {};
    const by = token !== undefined ? 'token' : anonymous ? 'anonymous' : 'caller';
    await this.parts.database.transaction((tx) =>
      this.parts.audit.record(tx, {
        action: 'policy.explained',
        outcome: 'success',
        actor,
        target: {
          upstream,
          ...(tool === undefined ? {} : { tool }),
          ...(method === undefined ? {} : { method }),
          ...(path === undefined ? {} : { path: withoutQuery(path) }),
          ...(issuer === undefined ? {} : { issuer }),
          ...(subject === undefined ? {} : { subject }),
          ...(application === undefined ? {} : { application }),
        },
        requestId,
        detail: { by },
      }),
    );
  }
}

function accessOf(who: Who | undefined, { type, access }: Upstream): ExplainedDecision {
  return explainAccess(who && decideAccess(who, access), who, access, type);
}

/** The call of an HTTP API that is asked about: one of its URL by GET, where no more is said. */
function httpCallOf(
  { method, path, webSocket }: PolicyQuestion,
  { type }: Upstream,
): HttpCallQuestion | undefined {
  if (type !== 'http') return undefined;
  if (method === undefined && path === undefined && webSocket === undefined) return undefined;
  return { method: method ?? 'GET', path: path ?? '', webSocket: webSocket ?? false };
}

function refuseHttpMembers(question: PolicyQuestion): void {
  const member = (['path', 'webSocket'] as const).find((name) => question[name] !== undefined);
  if (member === undefined) return;
  const detail = 'is of HTTP APIs: an MCP server is asked about by tool';
  throw new Problem('validation-failed', `${member} ${detail}.`, {
    errors: [{ pointer: `/${member}`, code: 'not-of-this-type', detail }],
  });
}

function withoutQuery(path: string): string {
  return path.split('?', 1)[0] ?? '';
}
