import type { GateDecision } from './tool-gate.js';

/** How a tool call that may not happen is answered, before anybody has put it into a protocol's words. */
export type ToolRefusal =
  /** 401 with a challenge; `scopes` beside what the issuers need of every token. */
  | { readonly kind: 'sign-in'; readonly scopes: readonly string[]; readonly detail: string }
  /** 403 `insufficient_scope`; `scopes` beside the `baseScopes` of the caller's issuer. */
  | { readonly kind: 'step-up'; readonly scopes: readonly string[]; readonly detail: string }
  /** 403; says no more than that. */
  | { readonly kind: 'forbidden'; readonly detail: string }
  /** As if there were no such tool. */
  | { readonly kind: 'unknown-tool' };

/** Undefined where the call may go on. A hidden tool is answered as one that does not exist would be. */
export function refusalFor(decision: GateDecision): ToolRefusal | undefined {
  switch (decision.kind) {
    case 'allowed':
      return undefined;
    case 'sign-in':
      return { ...decision, detail: 'Sign in to use this tool.' };
    case 'insufficient-scope': {
      const detail = `This tool needs a token with the scopes: ${decision.scopes.join(' ')}.`;
      return { kind: 'step-up', scopes: decision.scopes, detail };
    }
    case 'refused':
      return decision.asUnknown === undefined
        ? because[decision.because]
        : (refusalFor(decision.asUnknown) ?? because.hidden);
  }
}

const because: Readonly<
  Record<Extract<GateDecision, { kind: 'refused' }>['because'], ToolRefusal>
> = {
  hidden: { kind: 'unknown-tool' },
  // Which claim it takes is for administrators to know.
  claims: { kind: 'forbidden', detail: 'You may not use this tool.' },
  denied: { kind: 'forbidden', detail: 'This tool may not be used here.' },
  held: {
    kind: 'forbidden',
    detail: 'This tool was changed by the server and waits for an administrator.',
  },
};
