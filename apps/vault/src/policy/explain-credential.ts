import type { GrantHolder } from '../grants/grant-holder.js';
import { grantHolder } from '../grants/grant-holder.js';
import type { Upstream } from '../registry/domain/upstream.js';
import { oauthClientOf } from '../registry/domain/upstream-credential.js';
import type { Registry, Stored } from '../registry/registry-snapshot.js';
import type { HeldByPerson, PostgresHeldByPerson } from './postgres-held-by-person.js';
import type { Who } from './who-calls.js';

/** Which credential the upstream would see, and for a person's own what there is of it. Never the credential. */
export interface ExplainedCredential {
  readonly which: 'person' | 'service' | 'public' | 'none';
  readonly type: string;
  readonly oauthClient?: string;
  readonly why: string;
  readonly held?: HeldByPerson;
}

interface Called {
  readonly who: Who | undefined;
  /** Whether the rule makes the tool public. */
  readonly isPublic: boolean;
  /** Whether the caller has access beside public tools. */
  readonly hasAccess: boolean;
}

/** Says what a call would carry to the upstream. */
export class ExplainCredential {
  constructor(
    private readonly registry: Registry,
    private readonly held: PostgresHeldByPerson,
  ) {}

  async explain(upstream: Stored<Upstream>, called: Called): Promise<ExplainedCredential> {
    const { credential, publicCredential } = upstream.document;
    if (called.isPublic && !called.hasAccess && credential.type !== 'none')
      return publicly(publicCredential);
    if (credential.type === 'none')
      return { which: 'none', type: 'none', why: 'This upstream takes no credential.' };
    const holder = grantHolder(this.registry.current(), upstream);
    if (holder !== undefined) return this.#person(upstream, holder, called);
    const isOwn = credential.type === 'token-exchange';
    return {
      ...{ which: isOwn ? ('person' as const) : ('service' as const), ...named(credential) },
      why: isOwn
        ? "It is got by the caller's own token at each need: there is no grant."
        : 'It is the same for every caller: there is no grant and no consent.',
    };
  }

  async #person(
    { id: upstreamId, document }: Stored<Upstream>,
    holder: GrantHolder,
    { who, isPublic }: Called,
  ): Promise<ExplainedCredential> {
    const own = { which: 'person' as const, ...named(document.credential) };
    if (who === undefined) return { ...own, why: 'It is a person’s own, and nobody is named.' };
    if (who.machine)
      return { ...own, why: 'The token is about a program: it never uses what a person granted.' };
    const issuer = this.registry.current().issuer(who.issuer);
    if (who.subject === undefined || issuer === undefined)
      return { ...own, why: 'It is the person’s own; without a subject no more can be said.' };
    const { subject, application } = who;
    const at = { issuerId: issuer.id, subject, application, upstreamId };
    const held = await this.held.find(at, holder);
    return {
      ...own,
      why: wordsOf(held, isPublic && document.publicCredential !== undefined),
      held,
    };
  }
}

function named(credential: Upstream['credential']): { type: string; oauthClient?: string } {
  const oauthClient = oauthClientOf(credential);
  return { type: credential.type, ...(oauthClient === undefined ? {} : { oauthClient }) };
}

function publicly(credential: Upstream['publicCredential']): ExplainedCredential {
  if (credential === undefined)
    return {
      ...{ which: 'none' as const, type: 'none' },
      why: 'The upstream has no publicCredential: without access of their own nobody is served.',
    };
  return {
    ...{ which: 'public' as const, ...named(credential) },
    why: 'Without access of their own, everybody is served by the same credential.',
  };
}

function wordsOf({ grant, consent }: HeldByPerson, orPublic: boolean): string {
  const isReady = grant?.status === 'active' || grant?.status === 'refreshing';
  if (orPublic && (!isReady || consent === null))
    return 'The person has none at hand, so this public tool is served by the public credential.';
  if (grant === null || grant.status === 'revoked')
    return 'The person has not connected this service: the first call asks them to.';
  if (grant.status === 'needs_consent')
    return 'The connection is broken: the next call asks the person to connect again.';
  if (consent === null)
    return 'The person has connected this service, and not yet allowed this application: the first call asks.';
  return 'The person has connected this service and allowed this application.';
}
