import { decideAccess } from '#lib/access/access-rule';
import { ToolRules } from '#lib/access/tool-rules';
import type { AccessRule } from '#lib/contract/config-snapshot';
import type { ToolRule } from '#lib/contract/tool-policy';
import { Problem } from '#lib/problem/problem';
import type { AuditActor, AuditLog } from '../audit/audit-log.js';
import type { Database } from '../database/database.js';
import type { Upstream } from '../registry/domain/upstream.js';
import type { Registry, Stored } from '../registry/registry-snapshot.js';
import type { ExplainCredential } from './explain-credential.js';
import {
  type ExplainedDecision,
  explainAccess,
  type ExplainedTool,
  explainTool,
  heldTool,
  refusedApplication,
  wrongToken,
} from './explain-decision.js';
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

type NamedTool = ExplainedTool & { readonly name: string };

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
    { id, document }: Stored<Upstream>,
  ): { access: ExplainedDecision; tool?: NamedTool; tools?: ExplainedTool[] } {
    const { access } = document;
    const refused = who === undefined ? token && wrongToken : this.#refusedApplication(who);
    if (refused !== undefined && refused !== '') return { access: refused };
    const decision = who && decideAccess(who, access);
    const explained = { access: explainAccess(decision, who, access) };
    if (document.type !== 'mcp') return explained;
    const { default: otherwise, ...rules } = document.tools ?? { default: 'allow' as const };
    const all = new ToolRules(access, { default: otherwise, rules });
    if (tool === undefined) {
      const tools = all
        .decideAll(who)
        .map((one) => explainTool(one, who, judged(access, rules, one)));
      return { ...explained, tools };
    }
    const one = all.decide(who, tool);
    const isHeld =
      document.toolChanges === 'hold' && this.parts.registry.current().heldTools(id).includes(tool);
    if (isHeld && one.kind !== 'refused')
      return { ...explained, tool: { name: tool, ...heldTool(one.rule) } };
    return {
      ...explained,
      tool: { name: tool, ...explainTool(one, who, judged(access, rules, one)) },
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

/** All that a caller must meet where this rule decides. */
function judged(
  access: AccessRule,
  rules: Readonly<Record<string, ToolRule>>,
  { rule }: { readonly rule: string | undefined },
): AccessRule[] {
  const found = rule === undefined ? undefined : rules[rule];
  return found === undefined ? [access] : [access, found];
}
