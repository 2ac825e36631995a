import { decideAccess } from '#lib/access/access-rule';
import type { Clock } from '#lib/clock/clock';
import type { InteractionRequired, TokenAnswer } from '#lib/contract/exchange';
import type { Caller } from '#lib/jwt/caller';
import { SealBroken } from '#lib/sealing/message';
import type { AuditLog, AuditRecord } from '../audit/audit-log.js';
import type { Database } from '../database/database.js';
import {
  type AccessTokenFor,
  type AccessTokenResult,
  stateOf,
} from '../grants/access-token-for.js';
import type { ConsentStore } from '../grants/consent-store.js';
import { decide, enoughLifeUntil } from '../grants/domain/grant.js';
import { covers, union } from '../grants/domain/scope-set.js';
import type {
  Consented,
  Foreseen,
  PostgresHeldGrants,
  WorkingGrant,
} from '../grants/postgres-held-grants.js';
import type { Registry } from '../registry/registry-snapshot.js';
import { answerWithToken } from './answer-with-token.js';
import type { AskPerson } from './ask-person.js';
import type { OAuthRefusal } from './domain/exchange-parameters.js';
import type { ExchangeSubject } from './exchange-subject.js';
import { exchangeTarget, upstreamFor } from './exchange-target.js';
import type { AdmittedCall, ExchangeCall } from './exchange-call.js';
import { consentKey, grantKey, nameOf, type Settled } from './settled-exchange.js';
import type { FederatedToken } from './federated-token.js';
import type { HandOuts } from './hand-outs.js';

export type ExchangeAnswer =
  | { readonly token: TokenAnswer }
  | { readonly interaction: InteractionRequired; readonly caller: Caller }
  | OAuthRefusal;

export interface ExchangeParts {
  readonly registry: Registry;
  readonly subjects: ExchangeSubject;
  readonly consents: ConsentStore;
  readonly grants: PostgresHeldGrants;
  readonly tokens: AccessTokenFor;
  readonly askPerson: AskPerson;
  readonly database: Database;
  readonly audit: AuditLog;
  readonly handOuts: HandOuts;
  readonly federated: FederatedToken;
  readonly clock: Clock;
}

interface Asked extends Settled, Pick<Consented, 'held' | 'mark'> {
  /** What the person agreed to for this application, even if it is not enough. */
  readonly consented: readonly string[] | undefined;
  readonly foreseen: (Foreseen & Pick<WorkingGrant, 'id' | 'version'>) | undefined;
}

type Served = Extract<AccessTokenResult, { ok: true }>;

const strayReturn: OAuthRefusal = {
  error: 'invalid_request',
  description: 'return_uri is not among the returnUris that this client has registered.',
};
const noAccess: OAuthRefusal = {
  error: 'access_denied',
  description: 'subject_token lacks a scope or claim that this upstream asks for.',
};

/** RFC 8693: the person's own token for an upstream, on the word of a token that says who they are. */
export class ExchangeToken {
  constructor(private readonly parts: ExchangeParts) {}

  async exchange(call: ExchangeCall): Promise<ExchangeAnswer> {
    const admitted = await this.#admit(call);
    if ('error' in admitted) return admitted;
    const { credential } = admitted.upstream.document;
    if (credential.type === 'token-exchange')
      return this.parts.federated.exchange(admitted, credential);
    const settled = this.#settle(admitted);
    if ('error' in settled) return settled;
    const foreseen = this.#foreseen(settled);
    const read = await this.parts.grants.holdConsented(
      grantKey(settled),
      settled.target.resource,
      consentKey(settled),
      foreseen,
    );
    const asked = askedOf(settled, read, foreseen);
    const { consented } = asked;
    if (consented === undefined || !covers(consented, settled.target.scopes))
      return this.#askFirst(asked);
    // What the person is about to replace was refused: whoever waits for the new one is not served with it.
    const { interactionId: id } = asked.parameters;
    if (id !== undefined && (await this.parts.askPerson.isReplacing(consentKey(asked), id)))
      return this.#ask(asked, 'reconnect');
    return this.#answerNow(asked, await this.#token(asked));
  }

  /** R3: a refresh lasts long enough for the application to be removed; the grant was read anew after it, and so is this. */
  async #answerNow(asked: Asked, result: AccessTokenResult | 'broken'): Promise<ExchangeAnswer> {
    if (result === 'broken' || !result.ok || result.grant === asked.held?.grant)
      return this.#answer(asked, result);
    const consent = await this.parts.consents.find(consentKey(asked));
    const allowed = consent && covers(consent.scopes, asked.consented ?? []);
    return allowed ? this.#answer(asked, result) : this.exchange(asked);
  }

  async #admit(call: ExchangeCall): Promise<AdmittedCall | OAuthRefusal> {
    const { client, parameters } = call;
    const registry = this.parts.registry.current();
    const upstream = upstreamFor(registry, client.document, parameters.target);
    if ('error' in upstream) return upstream;
    // Row 17: nobody is sent where nobody has registered.
    const { returnUri } = parameters;
    if (returnUri !== undefined && client.document.returnUris?.includes(returnUri) !== true)
      return strayReturn;
    const subject = await this.parts.subjects.verify(
      client.document,
      parameters.subjectToken,
      upstream.document.slug,
    );
    if ('error' in subject) return subject;
    // The gateway asks this too; a service that comes straight here has nobody else to ask it.
    const { caller } = subject;
    if (decideAccess(caller, upstream.document.access).kind !== 'allowed')
      return { ...noAccess, caller };
    return { client, parameters, requestId: call.requestId, subject, upstream };
  }

  #settle(admitted: AdmittedCall): Settled | OAuthRefusal {
    const { upstream, subject, parameters } = admitted;
    const registry = this.parts.registry.current();
    const target = exchangeTarget(registry, upstream, parameters.scopes);
    if ('error' in target) return { ...target, caller: subject.caller };
    const { client, requestId } = admitted;
    return { client, parameters, requestId, subject, target };
  }

  /** Nobody agreed to this for the application yet. The grant may have it already: then our own page is enough. */
  #askFirst(asked: Asked): Promise<ExchangeAnswer> {
    const { target, consented, held } = asked;
    const state = held && stateOf(held, { resource: target.resource, allowed: target.scopes });
    const decision = decide(state, target.scopes, this.parts.clock.now());
    if (decision.do === 'ask') return this.#ask(asked, decision.purpose);
    return this.#ask(asked, consented === undefined ? 'connect' : 'scopes');
  }

  /** What the consent says, not the call, names the token: calls of one application share one row. */
  async #token(settled: Asked): Promise<AccessTokenResult | 'broken'> {
    const { scopes, resource, holder } = settled.target;
    try {
      const wanted = {
        key: grantKey(settled),
        resource,
        scopes,
        allowed: holder.oauthClient?.document.narrowing ? settled.consented : undefined,
        rejectedSha256: settled.parameters.rejectedSha256,
        canAsk: mintsLinks(settled.parameters),
      };
      return await this.parts.tokens.get(wanted, settled.held);
    } catch (error) {
      if (!(error instanceof SealBroken)) throw error;
      return 'broken';
    }
  }

  async #answer(settled: Asked, result: AccessTokenResult | 'broken'): Promise<ExchangeAnswer> {
    if (result === 'broken') return this.#sealBroken(settled);
    if (result.ok) return this.#handOut(settled, result);
    switch (result.because) {
      case 'person-needed':
        return this.#ask(settled, result.purpose);
      case 'rejected':
        return this.#ask(settled, 'reconnect', result.mayAsk);
      case 'unavailable':
        return {
          error: 'temporarily_unavailable',
          description: 'The authorization server of this upstream does not give a token now.',
          retryAfterSeconds: result.retryAfterSeconds,
        };
    }
  }

  /** Growth: what the application has stays, unless it is not offered any more. */
  async #ask(
    settled: Asked,
    purpose: 'connect' | 'reconnect' | 'scopes',
    mayAsk = true,
  ): Promise<ExchangeAnswer> {
    const { interactionId, clientInfoName, returnUri } = settled.parameters;
    const { upstream, offered } = settled.target;
    const had = settled.consented?.filter((scope) => offered.includes(scope)) ?? [];
    const scopes = union(settled.target.scopes, had);
    const clientName = clientInfoName;
    const request = { ...consentKey(settled), purpose, scopes, clientName, returnUri };
    const mint = mayAsk && mintsLinks(settled.parameters);
    const how = { upstreamName: upstream.document.name, interactionId, mint };
    const answer = await this.parts.askPerson.ask(request, how);
    const { caller } = settled.subject;
    return answer.error === 'interaction_required'
      ? { interaction: answer, caller }
      : { ...answer, caller };
  }

  /** No token leaves without the record that it did (R10); where it was foreseen, the read has written it. */
  async #handOut(asked: Asked, served: Served): Promise<ExchangeAnswer> {
    const { grant, stored } = served;
    const { handOuts, clock } = this.parts;
    const use = { grant, target: stored.target, issuedAt: stored.issuedAt };
    if (isRecorded(asked, served)) handOuts.note(use);
    else {
      await handOuts.commit(this.#handOutRecord(asked, grant), use);
      this.#remember(asked, served);
    }
    return { token: answerWithToken(asked.target, served, clock.now()) };
  }

  /** What will be recorded if nothing has changed since the last exchange like this one. */
  #foreseen(settled: Settled): Asked['foreseen'] {
    if (!isUsual(settled)) return undefined;
    const { handOuts, registry, clock } = this.parts;
    const last = handOuts.foreseen.find(nameOf(settled), registry.current(), clock.now());
    if (last === undefined) return undefined;
    const { mark, grant } = last;
    const { id, version } = grant;
    return { id, version, mark, record: this.#handOutRecord(settled, grant) };
  }

  #remember(asked: Asked, { grant, stored }: Served): void {
    const { mark, held } = asked;
    if (mark === undefined || grant !== held?.grant || !isUsual(asked)) return;
    const { id, version } = grant;
    const until = enoughLifeUntil(stored);
    const handedOut = { mark, until, grant: { id, version } };
    const { handOuts, registry } = this.parts;
    handOuts.foreseen.remember(nameOf(asked), registry.current(), handedOut);
  }

  #handOutRecord(settled: Settled, grant: Pick<WorkingGrant, 'id' | 'version'>): AuditRecord {
    const { actor, target, requestId } = this.#record(settled);
    const detail = { grantId: grant.id, grantVersion: grant.version };
    return { action: 'token.exchanged', outcome: 'success', actor, target, requestId, detail };
  }

  /** A ciphertext that does not open was moved or changed: fail closed, and leave a mark (row 37). */
  async #sealBroken(settled: Settled): Promise<ExchangeAnswer> {
    await this.parts.database.transaction((tx) =>
      this.parts.audit.record(tx, {
        ...this.#record(settled),
        action: 'seal.broken',
        outcome: 'failed',
      }),
    );
    return {
      error: 'temporarily_unavailable',
      description: 'The stored token cannot be opened; an administrator has to look at the vault.',
      retryAfterSeconds: 300,
    };
  }

  #record({ client, subject: { caller }, target, requestId }: Settled) {
    return {
      actor: {
        kind: 'machine' as const,
        client: client.document.slug,
        issuer: caller.issuer,
        subject: caller.subject,
        application: caller.application,
      },
      target: { upstream: target.upstream.document.slug, scopes: target.scopes },
      requestId,
    };
  }
}

/** Member by member: an object that is spread and then grown has a hidden class of its own each time. */
function askedOf(settled: Settled, read: Consented, foreseen: Asked['foreseen']): Asked {
  const { client, parameters, requestId, subject, target } = settled;
  const { scopes: consented, held, mark } = read;
  return { client, parameters, requestId, subject, target, consented, held, mark, foreseen };
}

/** The rows that were read are those of which it was foreseen, and what leaves is of them. */
function isRecorded({ foreseen, mark, held }: Asked, { grant }: Served): boolean {
  if (foreseen === undefined || mark !== foreseen.mark || grant !== held?.grant) return false;
  return grant.id === foreseen.id && grant.version === foreseen.version;
}

/** Nothing in the call speaks against what was handed out last. */
function isUsual({ parameters: { rejectedSha256, interactionId } }: Settled): boolean {
  return rejectedSha256 === undefined && interactionId === undefined;
}

/** A retry goes on with the link that it has. */
function mintsLinks({ interaction, interactionId }: Settled['parameters']): boolean {
  return interaction === 'create' && interactionId === undefined;
}
