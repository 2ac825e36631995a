import { createHash } from 'node:crypto';
import canonicalizeModule from 'canonicalize';
import { z } from 'zod';
import type { Caller } from '#lib/jwt/caller';
import type { StateSealer } from '../sealed-state.js';
import type { JsonObject } from './message.js';

// CommonJS whose types claim a default export: what is imported is the function itself.
const canonicalize = canonicalizeModule as unknown as (input: unknown) => string | undefined;
const purpose = 'request-state';
const prefix = 'sym1.';

const sealedState = z.object({
  issuer: z.string(),
  subject: z.string(),
  application: z.string(),
  digest: z.string(),
  interactionId: z.string(),
  /** What the interaction asks for beside the upstream's own scopes. */
  scopes: z.array(z.string()).default([]),
  /** Epoch seconds. */
  exp: z.number(),
  /** The upstream's own `requestState` and `inputResponses` members, as text, that our pause interrupted. */
  interrupted: z.array(z.string()),
});
export type RequestState = z.output<typeof sealedState>;

export type OpenedState =
  | { readonly ok: true; readonly state: RequestState }
  | { readonly ok: false; readonly reason: string };

/** What a retry must repeat: method and params, without what the protocol changes from one round to the next. */
export function requestDigest(method: string, params: JsonObject): string {
  const { _meta, inputResponses, requestState, ...rest } = params;
  const canonical = canonicalize({ method, params: rest }) ?? '';
  return createHash('sha256').update(canonical, 'utf8').digest('base64url');
}

/** Ours, as opposed to a state that the upstream gave out and that only passes through. */
export function isOurState(value: unknown): value is string {
  return typeof value === 'string' && value.startsWith(prefix);
}

export function sealRequestState(sealer: StateSealer, route: string, state: RequestState): string {
  return prefix + sealer.seal(purpose, route, state);
}

/** `requestState` comes back from the client: any mismatch refuses it (row 19). */
export function openRequestState(
  sealer: StateSealer,
  route: string,
  text: string,
  expected: { readonly caller: Caller; readonly digest: string; readonly now: number },
): OpenedState {
  let state: RequestState;
  try {
    state = sealedState.parse(sealer.open(purpose, route, text.slice(prefix.length)));
  } catch {
    return { ok: false, reason: 'requestState is not one that was given out here.' };
  }
  const { caller, digest, now } = expected;
  if (
    state.issuer !== caller.issuer ||
    state.subject !== caller.subject ||
    state.application !== caller.application
  )
    return { ok: false, reason: 'requestState is not one that was given out here.' };
  if (state.digest !== digest)
    return { ok: false, reason: 'requestState belongs to another request.' };
  if (state.exp <= now)
    return { ok: false, reason: 'requestState has expired. Send the request again without it.' };
  return { ok: true, state };
}
