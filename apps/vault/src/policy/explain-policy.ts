import { decideAccess } from '#lib/access/access-rule';
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

  #decide(
    { tool, token }: PolicyQuestion,
    { who }: Calling,
    upstream: Stored<Upstream>,
  ): { readonly access: ExplainedDecision } & ExplainedTools {
    const refused = who === undefined ? token && wrongToken : this.#refusedApplication(who);
    if (refused !== undefined && refused !== '') return { access: refused };
    const decision = who && decideAccess(who, upstream.document.access);
    const access = explainAccess(decision, who, upstream.document.access);
    const held = this.parts.registry.current().heldTools(upstream.id);
    return {
      access,
      ...explainTools({ upstream: upstream.document, held, who, access, tool }),
    };
  }

  #refusedApplication({ issuer, application }: Who): ExplainedDecision | undefined {
    const registry = this.parts.registry.current();
    const { trust } = registry.standing(issuer, application);
    if (trust === 'blocked') return refusedApplication(trust);
    const refuses = registry.issuer(issuer)?.document.unknownApplications === 'refuse';
    return trust === 'unknown' && refuses ? refusedApplication(trust) : undefined;
  }

  #presented(who: Who | undefined) {
    if (who === undefined) return null;
    const { issuer, subject = null, application, machine, scopes } = who;
    const { name, trust } = this.parts.registry.current().standing(issuer, application);
    return { issuer, subject, application: { id: application, name, trust }, machine, scopes };
  }

  /** Who asked about whom: it tells an administrator something of a person. */
  async #record(
    { upstream, tool, token, anonymous }: PolicyQuestion,
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
