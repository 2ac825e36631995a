import type { JsonRpcId } from '#lib/problem/render';
import type {
  BorrowedCredential,
  CredentialAnswer,
  CredentialRequest,
  InteractionNeeded,
} from '../credentials/credentials.js';
import { wwwAuthenticate } from '../inbound/challenge.js';
import { metadataUrl } from '../inbound/resource-metadata.js';
import type { McpCall, McpDeps } from './mcp-call.js';
import { problemAnswer, type RpcAnswer } from './rpc-answer.js';

export type Refused = Exclude<CredentialAnswer, BorrowedCredential | InteractionNeeded>;

const noCredential: BorrowedCredential = {
  kind: 'credential',
  header: undefined,
  grantId: undefined,
  revocation: undefined,
};

export interface BorrowWish {
  readonly interaction: 'create' | 'none';
  readonly interactionId?: string;
  readonly clientInfoName?: string;
  /** Beside the upstream's own. */
  readonly scopes?: readonly string[];
}

export function credentialRequest(call: McpCall, wish: BorrowWish): CredentialRequest {
  const { caller, token, upstream } = call;
  return { caller, token, upstream: upstream.config, ...wish };
}

/** Whether this upstream takes a person's credential at all; `none` never asks the vault. */
export function takesCredential(call: McpCall): boolean {
  return call.upstream.config.credential.type !== 'none';
}

export async function borrow(
  deps: McpDeps,
  call: McpCall,
  wish: BorrowWish,
): Promise<CredentialAnswer> {
  if (!takesCredential(call)) return noCredential;
  const answer = await deps.credentials.borrow(credentialRequest(call, wish));
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
