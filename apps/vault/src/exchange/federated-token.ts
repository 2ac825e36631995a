import type { Clock } from '#lib/clock/clock';
import { accessTokenType, proofKey, type TokenAnswer } from '#lib/contract/exchange';
import { Secret } from '#lib/secret/secret';
import { PersonLeft } from '../bars/person-left.js';
import { admit } from '../bars/postgres-bar.js';
import type { Database } from '../database/database.js';
import { requiredScopes } from '../grants/domain/required-scopes.js';
import { covers, union } from '../grants/domain/scope-set.js';
import type { PacedRequests } from '../grants/paced-requests.js';
import type { VaultLogger } from '../log-events.js';
import type { ProviderFailure } from '../providers/provider.js';
import type { TokenSet } from '../providers/token-set.js';
import type { OAuthClient } from '../registry/domain/oauth-client.js';
import type { Credential } from '../registry/domain/upstream-credential.js';
import type { Registry, Stored } from '../registry/registry-snapshot.js';
import type { OAuthRefusal } from './domain/exchange-parameters.js';
import type { Subject } from './exchange-subject.js';
import type { AdmittedCall } from './exchange-call.js';
import { extraHeaders } from './extra-headers.js';
import type { HandOuts } from './hand-outs.js';
import { tokenTypeFor } from './token-type.js';

export interface FederatedTokenParts {
  readonly registry: Registry;
  readonly requests: PacedRequests;
  readonly handOuts: HandOuts;
  readonly database: Database;
  readonly clock: Clock;
  readonly logger: VaultLogger;
}

type TokenExchange = Extract<Credential, { type: 'token-exchange' }>;

interface Target extends AdmittedCall {
  readonly credential: TokenExchange;
  readonly oauthClient: Stored<OAuthClient>;
  readonly scopes: readonly string[];
}

// Told where the server names no lifetime: asking again costs little.
const assumedSeconds = 300;

/**
 * The caller's own token, exchanged by the authorization server that signed it, or one that trusts that. No page of
 * ours asks the person: it is one sign-in, and what it may be turned into is the server's to decide. Nothing is kept.
 */
export class FederatedToken {
  constructor(private readonly parts: FederatedTokenParts) {}

  async exchange(
    call: AdmittedCall,
    credential: TokenExchange,
  ): Promise<{ readonly token: TokenAnswer } | OAuthRefusal> {
    const target = this.#target(call, credential);
    const { caller } = call.subject;
    if ('error' in target) return { ...target, caller };
    if (await this.#hasLeft(call)) return { ...left, caller };
    const { oauthClient, scopes } = target;
    const { flow, audience, resource } = credential;
    const subjectToken = new Secret(call.parameters.subjectToken);
    const result = await this.parts.requests.ask(oauthClient, (provider) =>
      provider.exchange(subjectToken, { flow, audience, resource, scopes }),
    );
    if (!result.ok) return { ...this.#refused(target, result), caller };
    // No token leaves without the record that it did (R10).
    await this.parts.handOuts.record(recordOf(target));
    return { token: this.#answer(target, result.tokens) };
  }

  #target(call: AdmittedCall, credential: TokenExchange): Target | OAuthRefusal {
    const oauthClient = this.parts.registry.current().oauthClient(credential.oauthClient);
    if (oauthClient === undefined) return noClient;
    if (!this.#maySee(oauthClient.document, call.subject, credential)) return foreignIssuer;
    const required = requiredScopes(credential, oauthClient.document);
    const { scopes, optionalScopes } = oauthClient.document;
    const { scopes: asked } = call.parameters;
    if (!covers(union(required, scopes, optionalScopes), asked)) return notOffered;
    return { ...call, credential, oauthClient, scopes: union(required, asked) };
  }

  /** A person's token is shown to nobody but who signed it, and those whom an administrator named for that. */
  #maySee(
    { issuer }: OAuthClient,
    { issuerId, caller }: Subject,
    { subjectIssuers }: TokenExchange,
  ) {
    const signer = this.parts.registry.current().issuerById(issuerId)?.document;
    if (signer === undefined) return false;
    const names = [signer.issuer, ...signer.alsoIssuedAs];
    // Of the same person, but signed by somebody else, such as this vault: nothing that an issuer would exchange.
    if (!names.includes(caller.iss)) return false;
    return subjectIssuers.includes(signer.slug) || (issuer !== undefined && names.includes(issuer));
  }

  async #hasLeft({ subject: { issuerId, caller } }: AdmittedCall): Promise<boolean> {
    try {
      const { subject } = caller;
      await this.parts.database.transaction((tx) => admit(tx, { issuerId, subject }));
      return false;
    } catch (error) {
      if (error instanceof PersonLeft) return true;
      throw error;
    }
  }

  #refused({ oauthClient, requestId }: Target, failure: ProviderFailure): OAuthRefusal {
    const { code, detail } = failure;
    this.parts.logger.info({
      event: 'exchange.provider_refused',
      ...{ requestId, oauthClient: oauthClient.document.slug, code, detail },
    });
    if (code === 'invalid_grant') return notTaken;
    const retryAfterSeconds = code === 'transient' ? (failure.retryAfterSeconds ?? 5) : 30;
    return { ...noAnswer, retryAfterSeconds };
  }

  #answer({ upstream, oauthClient }: Target, tokens: TokenSet): TokenAnswer {
    const { inject } = upstream.document;
    const { accessToken, expiresAt, scopes, dpopKey } = tokens;
    const left = expiresAt === undefined ? assumedSeconds : expiresAt - this.parts.clock.now();
    const token = {
      access_token: accessToken.reveal(),
      issued_token_type: accessTokenType,
      token_type: tokenTypeFor(inject),
      expires_in: Math.max(Math.floor(left), 1),
      ...(scopes.length > 0 ? { scope: scopes.join(' ') } : {}),
      ...extraHeaders(inject.extra, tokens.metadata ?? {}),
    };
    if (dpopKey === undefined) return token;
    const jwk = proofKey.parse(JSON.parse(dpopKey.reveal()));
    const required = oauthClient.document.dpop === 'always';
    return { ...token, token_type: 'DPoP', dpop: { jwk, required } };
  }
}

function recordOf({ client, subject, upstream, credential, scopes, requestId }: Target) {
  const { issuer, subject: person, application } = subject.caller;
  return {
    action: 'token.exchanged',
    outcome: 'success' as const,
    actor: {
      kind: 'machine' as const,
      client: client.document.slug,
      ...{ issuer, subject: person, application },
    },
    target: { upstream: upstream.document.slug, scopes },
    requestId,
    detail: { flow: credential.flow },
  };
}

const foreignIssuer: OAuthRefusal = {
  error: 'access_denied',
  description:
    'The authorization server of this upstream did not sign subject_token, and its issuer is not among subjectIssuers.',
};

const left: OAuthRefusal = {
  error: 'access_denied',
  description: 'The person of subject_token has left.',
};

const noClient: OAuthRefusal = {
  error: 'invalid_target',
  description: 'The registration of this upstream is not complete.',
};

const notOffered: OAuthRefusal = {
  error: 'invalid_scope',
  description: 'A scope is asked for that neither the upstream nor its oauth client lists.',
};

const notTaken: OAuthRefusal = {
  error: 'invalid_grant',
  description:
    'The authorization server of this upstream does not exchange subject_token, or not without the person: they sign in anew, or consent or prove more there.',
};

const noAnswer = {
  error: 'temporarily_unavailable',
  description: 'The authorization server of this upstream does not give a token now.',
} as const;
