import type { InteractionNeeded } from '../credentials/credentials.js';
import { isObject } from './message.js';
import { result, rpcError, type RpcAnswer } from './rpc-answer.js';

/** A pause with somewhere to go: `uri` is a fresh link of the vault. */
export type Pause = InteractionNeeded & { readonly uri: string; readonly interactionId: string };

export function isPause(needed: InteractionNeeded): needed is Pause {
  return needed.uri !== undefined && needed.interactionId !== undefined;
}

/** `{"elicitation": {}}` means form only. */
export function elicitsByUrl(capabilities: unknown): boolean {
  return (
    isObject(capabilities) &&
    isObject(capabilities['elicitation']) &&
    isObject(capabilities['elicitation']['url'])
  );
}

const urlCapability = { elicitation: { url: {} } };
const interruptible = new Set(['tools/call', 'prompts/get', 'resources/read']);

export interface Asked {
  readonly id: string | number;
  readonly method: string;
  readonly byUrl: boolean;
  readonly strict: boolean;
}

/** MRTR is defined for three methods; a pause elsewhere can only be an error. */
export function isInterruptible(method: string): boolean {
  return interruptible.has(method);
}

/** Revision 2026-07-28. `state` seals what the retry must match; asked for only where it is used. */
export function elicitModern(asked: Asked, pause: Pause, state: () => string): RpcAnswer {
  const { id, method } = asked;
  if (!isInterruptible(method)) return rpcError(id, -32000, withLink(pause));
  if (asked.byUrl) {
    const consent = {
      method: 'elicitation/create',
      params: { mode: 'url', url: pause.uri, message: pause.message },
    };
    return result(id, {
      resultType: 'input_required',
      inputRequests: { consent },
      requestState: state(),
    });
  }
  if (method === 'tools/call' && !asked.strict) return toolNotice(id, withLink(pause));
  return {
    ...rpcError(id, -32021, withLink(pause), { requiredCapabilities: urlCapability }),
    status: 400,
  };
}

/** `elicitationId` is what the completion will name; called only where it is told to the client. */
export function elicitLegacy(
  asked: Asked & { readonly version: string },
  pause: Pause,
  elicitationId: () => string,
): RpcAnswer {
  const { id, method, version } = asked;
  const knowsUrlElicitation = version === '2025-11-25';
  if (knowsUrlElicitation && (asked.byUrl || asked.strict)) {
    const elicitation = {
      mode: 'url',
      elicitationId: elicitationId(),
      url: pause.uri,
      message: pause.message,
    };
    return rpcError(id, -32042, pause.message, { elicitations: [elicitation] });
  }
  if (method === 'tools/call' && !asked.strict) return toolNotice(id, withLink(pause), 'legacy');
  return rpcError(id, -32000, withLink(pause));
}

/** A tool result that a model can read and show; not a success. */
export function toolNotice(
  id: string | number,
  text: string,
  era: 'modern' | 'legacy' = 'modern',
): RpcAnswer {
  const notice = { content: [{ type: 'text', text }], isError: true };
  return result(id, era === 'modern' ? { resultType: 'complete', ...notice } : notice);
}

function withLink(pause: Pause): string {
  return `${pause.message}\n\nOpen this link in a browser, agree there, then try again:\n${pause.uri}`;
}
