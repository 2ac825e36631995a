import type { JsonRpcId } from '#lib/problem/render';
import type {
  BorrowedCredential,
  CredentialAnswer,
  CredentialRequest,
  InteractionNeeded,
} from '../credentials/credentials.js';
import { wwwAuthenticate } from '../inbound/challenge.js';
import { metadataUrl } from '../inbound/resource-metadata.js';
import { lendsPublicly } from '../policy/tool-gate.js';
import { traceContext } from '../http/trace-context.js';
import type { McpCall, McpDeps } from './mcp-call.js';
import { problemAnswer, type RpcAnswer } from './rpc-answer.js';

export type Refused = Exclude<CredentialAnswer, BorrowedCredential | InteractionNeeded>;

const noCredential: BorrowedCredential = {
  kind: 'credential',
  header: undefined,
  grantId: undefined,
  revocation: undefined,
};

const notPublic: Refused = {
  kind: 'forbidden',
  detail: 'Nothing of this service may be used without signing in.',
};

export interface BorrowWish {
  readonly interaction: 'create' | 'none';
  readonly interactionId?: string;
  readonly clientInfoName?: string;
  /** Beside the upstream's own. */
  readonly scopes?: readonly string[];
}

export function credentialRequest(call: McpCall, wish: BorrowWish): CredentialRequest {
  const { caller, token, brought, upstream } = call;
  const { interaction, interactionId, clientInfoName, scopes } = wish;
  return {
    caller,
    token,
    brought,
    upstream: upstream.config,
    interaction,
    interactionId,
    clientInfoName,
    scopes,
    trace: traceContext(call.request.headers, token),
  };
}

/** Whether this call takes a credential at all; `none` never asks the vault. */
export function takesCredential(call: McpCall): boolean {
  return call.upstream.config.credential.type !== 'none' || call.brought !== undefined;
}

/** What the policy says that a call needs of the grant, beside what is asked for already. */
export function withTerms(call: McpCall, wish: BorrowWish): BorrowWish {
  const { scopes = [] } = call.terms ?? {};
  if (scopes.length === 0) return wish;
  return { ...wish, scopes: [...new Set([...(wish.scopes ?? []), ...scopes])] };
}

/**
 * The caller's own credential; for public tools one that is nobody's where that is not at hand. No promise where it is here
 * already.
 */
export function borrow(
  deps: McpDeps,
  call: McpCall,
  wish: BorrowWish,
): CredentialAnswer | Promise<CredentialAnswer> {
  if (call.lacking !== undefined) return borrowPublicly(deps, call);
  if (call.terms?.isPublic === true && lendsPublicly(call.upstream.config))
    return borrowOwnOrPublicly(deps, call, wish);
  return borrowOwn(deps, call, wish);
}

async function borrowOwnOrPublicly(
  deps: McpDeps,
  call: McpCall,
  wish: BorrowWish,
): Promise<CredentialAnswer> {
  const { scopes, clientInfoName } = wish;
  const own = await borrowOwn(deps, call, { interaction: 'none', scopes, clientInfoName });
  return own.kind === 'interaction' ? borrowPublicly(deps, call) : own;
}

function borrowPublicly(
  deps: McpDeps,
  call: McpCall,
): CredentialAnswer | Promise<CredentialAnswer> {
  const { config } = call.upstream;
  call.lentPublicly = true;
  if (lendsPublicly(config)) return deps.credentials.borrowService(config, 'public');
  return takesCredential(call) ? notPublic : noCredential;
}

function borrowOwn(
  deps: McpDeps,
  call: McpCall,
  wish: BorrowWish,
): CredentialAnswer | Promise<CredentialAnswer> {
  if (!takesCredential(call)) return noCredential;
  const answer = deps.credentials.borrow(credentialRequest(call, wish));
  return answer instanceof Promise ? answer.then((one) => noted(call, one)) : noted(call, answer);
}

/** For the access line. */
function noted(call: McpCall, answer: CredentialAnswer): CredentialAnswer {
  if (answer.kind === 'credential' && answer.grantId !== undefined)
    call.outcome.grantId = answer.grantId;
  return answer;
}

/** RFC 6750 §3 and RFC 9728 §5.1 where the vault refuses what the gateway let pass. */
export function refusedAnswer(
  deps: McpDeps,
  call: McpCall,
  id: JsonRpcId,
  refused: Refused,
): RpcAnswer {
  switch (refused.kind) {
    case 'invalid-token': {
      const challenge = wwwAuthenticate({
        error: 'invalid_token',
        description: refused.detail,
        scopes: [],
        resourceMetadata: metadataUrl(deps.publicUrl, call.route),
      });
      return problemAnswer(id, 'invalid-token', refused.detail, call.requestId, {
        'www-authenticate': challenge,
      });
    }
    case 'forbidden':
      return problemAnswer(id, 'forbidden', refused.detail, call.requestId);
    case 'unavailable':
      return problemAnswer(id, 'temporarily-unavailable', refused.detail, call.requestId, {
        'retry-after': String(Math.max(1, Math.ceil(refused.retryAfterSeconds))),
      });
  }
}
