import type { Pause } from './elicit.js';
import type { McpCall, McpDeps } from './mcp-call.js';
import { memberText, type McpRequest } from './message.js';
import { isOurState, requestDigest, sealRequestState } from './request-state.js';

/** What a retry brings beside the request itself. */
export const retryMembers = ['inputResponses', 'requestState'];

/** The `requestState` with which a call that waits for its person comes back. */
export function sealedPause(
  { sealer, clock }: Pick<McpDeps, 'sealer' | 'clock'>,
  call: McpCall,
  message: McpRequest,
  pause: Pause,
): string {
  const { interactionId, scopes = [] } = pause;
  const { issuer, subject, application } = call.caller;
  // A state of ours that was already used up is not carried on; one of the upstream's is.
  const interrupted = isOurState(message.params['requestState'])
    ? []
    : retryMembers.flatMap((name) => memberText(message.body, name) ?? []);
  return sealRequestState(sealer, call.route, {
    ...{ issuer, subject, application, interactionId, interrupted, scopes: [...scopes] },
    digest: requestDigest(message.method, message.params),
    exp: clock.now() + pause.expiresIn,
  });
}
