import type { Clock } from '#lib/clock/clock';
import { accessTokenType, proofKey, type TokenAnswer } from '#lib/contract/exchange';
import { SealBroken } from '#lib/sealing/message';
import type { AuditLog } from '../audit/audit-log.js';
import type { Database } from '../database/database.js';
import type { MachineClient } from '../registry/domain/machine-client.js';
import type { Upstream } from '../registry/domain/upstream.js';
import type { ServiceCredential } from '../registry/domain/upstream-credential.js';
import type { Registry, Stored } from '../registry/registry-snapshot.js';
import type { ClientTokens } from './client-tokens.js';
import type { OAuthRefusal, ServiceParameters } from './domain/exchange-parameters.js';
import { requiredScopes } from '../grants/domain/required-scopes.js';
import { upstreamFor } from './exchange-target.js';
import { extraHeaders } from './extra-headers.js';
import type { HandOuts } from './hand-outs.js';
import { tokenTypeFor } from './token-type.js';

/** One question for a credential that is nobody's own. */
export interface ServiceCall {
  readonly client: Stored<MachineClient>;
  readonly parameters: ServiceParameters;
  readonly requestId: string;
}

export interface ServiceTokenParts {
  readonly registry: Registry;
  readonly clientTokens: ClientTokens;
  readonly handOuts: HandOuts;
  readonly database: Database;
  readonly audit: AuditLog;
  readonly clock: Clock;
}

interface Found extends ServiceCall {
  readonly upstream: Stored<Upstream>;
  readonly credential: ServiceCredential;
}

type Answer = { readonly token: TokenAnswer } | OAuthRefusal;

// Asked for again this often, so that one that was replaced or taken away is not used for longer.
const staticSeconds = 300;

const members = {
  own: 'credential',
  discovery: 'discoveryCredential',
  public: 'publicCredential',
} as const;

/** RFC 6749 §4.4 for the machine clients of an upstream: what its administrator registered for all of them. */
export class ServiceToken {
  constructor(private readonly parts: ServiceTokenParts) {}

  async serve(call: ServiceCall): Promise<Answer> {
    const found = this.#find(call);
    if ('error' in found) return found;
    try {
      const answer = await this.#answer(found);
      // No token leaves without the record that it did (R10).
      if ('token' in answer) await this.parts.handOuts.record(recordOf(found, 'success'));
      return answer;
    } catch (error) {
      if (!(error instanceof SealBroken)) throw error;
      return this.#sealBroken(found);
    }
  }

  #find(call: ServiceCall): Found | OAuthRefusal {
    const { client, parameters } = call;
    const upstream = upstreamFor(this.parts.registry.current(), client.document, parameters.target);
    if ('error' in upstream) return upstream;
    // Row 32: what shows an upstream's lists or its public part is for gateways, which decide who sees it.
    if (!mayAsk(client.document, parameters.purpose)) return noneSuch;
    const credential = serviceCredentialOf(upstream.document, parameters.purpose);
    return credential === undefined ? noneSuch : { ...call, upstream, credential };
  }

  #answer(found: Found): Promise<Answer> {
    return found.credential.type === 'client-credentials'
      ? this.#clientToken(found, found.credential)
      : this.#fixed(found);
  }

  async #fixed(found: Found): Promise<Answer> {
    const { upstream, parameters } = found;
    const name = `${members[parameters.purpose]}.secret`;
    const [newest] = await this.parts.registry.secrets(upstream.id, name);
    if (newest === undefined) return noneSuch;
    return { token: answered(upstream.document, newest.reveal(), { expires_in: staticSeconds }) };
  }

  async #clientToken(
    { upstream, parameters }: Found,
    credential: Extract<ServiceCredential, { type: 'client-credentials' }>,
  ): Promise<Answer> {
    const { registry, clientTokens, clock } = this.parts;
    const oauthClient = registry.current().oauthClient(credential.oauthClient);
    if (oauthClient === undefined) return noneSuch;
    const scopes = requiredScopes(credential, oauthClient.document);
    const { resource } = credential;
    const { rejectedSha256 } = parameters;
    const result = await clientTokens.get({ oauthClient, scopes, resource, rejectedSha256 });
    if (!result.ok) return { ...noAnswer, retryAfterSeconds: result.retryAfterSeconds };
    const { accessToken, dpopKey, scopes: granted } = result.tokens;
    const left = Math.floor(result.expiresAt - clock.now());
    const token = answered(upstream.document, accessToken.reveal(), {
      expires_in: Math.max(left, 1),
      ...(granted.length > 0 ? { scope: granted.join(' ') } : {}),
    });
    if (dpopKey === undefined) return { token };
    const jwk = proofKey.parse(JSON.parse(dpopKey.reveal()));
    const required = oauthClient.document.dpop === 'always';
    return { token: { ...token, token_type: 'DPoP', dpop: { jwk, required } } };
  }

  /** A ciphertext that does not open was moved or changed: fail closed, and leave a mark (row 37). */
  async #sealBroken(found: Found): Promise<Answer> {
    const record = { ...recordOf(found, 'failed'), action: 'seal.broken' };
    await this.parts.database.transaction((tx) => this.parts.audit.record(tx, record));
    return {
      error: 'temporarily_unavailable',
      description: 'The stored secret cannot be opened; an administrator has to look at the vault.',
      retryAfterSeconds: 300,
    };
  }
}

function mayAsk({ kind }: MachineClient, purpose: ServiceParameters['purpose']): boolean {
  return kind === 'gateway' || (kind === 'service' && purpose === 'own');
}

function serviceCredentialOf(
  upstream: Upstream,
  purpose: ServiceParameters['purpose'],
): ServiceCredential | undefined {
  const credential = upstream[members[purpose]];
  return credential?.type === 'static' || credential?.type === 'client-credentials'
    ? credential
    : undefined;
}

function answered(
  { inject }: Upstream,
  token: string,
  more: Pick<TokenAnswer, 'expires_in' | 'scope'>,
): TokenAnswer {
  return {
    access_token: token,
    issued_token_type: accessTokenType,
    token_type: tokenTypeFor(inject),
    ...more,
    ...extraHeaders(inject.extra, {}),
  };
}

function recordOf(
  { client, upstream, credential, parameters, requestId }: Found,
  outcome: 'success' | 'failed',
) {
  const { purpose } = parameters;
  return {
    action: 'service-token.handed-out',
    outcome,
    actor: { kind: 'machine' as const, client: client.document.slug },
    target: { upstream: upstream.document.slug, purpose, credential: credential.type },
    requestId,
  };
}

const noneSuch: OAuthRefusal = {
  error: 'invalid_target',
  description: 'That upstream has no such credential for this client.',
};

const noAnswer = {
  error: 'temporarily_unavailable',
  description: 'The authorization server of this upstream does not give a token now.',
} as const;
