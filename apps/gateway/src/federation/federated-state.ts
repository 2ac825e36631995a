import { z } from 'zod';
import type { Caller } from '#lib/jwt/caller';
import type { StateSealer } from '../sealed-state.js';

export const federatedRoute = '/mcp';
const prefix = 'symf.';

const owner = { issuer: z.string(), subject: z.string(), application: z.string() };

const pausedCall = z.object({
  ...owner,
  /** The one upstream that this call may go on at. */
  upstream: z.string(),
  digest: z.string(),
  /** Epoch seconds. */
  exp: z.number(),
  pause: z.discriminatedUnion('kind', [
    /** Waits for a person; `interrupted` is the state that the client had sent. */
    z.object({
      kind: z.literal('consent'),
      interactionId: z.string(),
      scopes: z.array(z.string()),
      interrupted: z.string().optional(),
      inputResponses: z.string().optional(),
    }),
    /** The upstream's own `requestState`, sent back to it and to nobody else. */
    z.object({ kind: z.literal('upstream'), requestState: z.string().optional() }),
    /** A call that is open at a legacy upstream and waits at one replica for answers. */
    z.object({ kind: z.literal('suspended'), handle: z.string() }),
    /** The upstream wants to be called again, nothing more. */
    z.object({ kind: z.literal('again') }),
  ]),
});
/** What a client carries from one round of a call to the next; bound to the person, the upstream and the call. */
export type PausedCall = z.output<typeof pausedCall>;

const cursor = z.object({
  ...owner,
  method: z.string(),
  /** Where each upstream's list goes on, by slug. */
  cursors: z.record(z.string(), z.string()),
});

type Owner = Pick<Caller, 'issuer' | 'subject' | 'application'>;

export function ownerOf({ issuer, subject, application }: Owner): Owner {
  return { issuer, subject, application };
}

export function sealPausedCall(sealer: StateSealer, call: PausedCall): string {
  return prefix + sealer.seal('federated-call', federatedRoute, call);
}

/** Undefined for everything that was not given out for this very call, whatever the reason (row 19). */
export function openPausedCall(
  sealer: StateSealer,
  text: unknown,
  expected: { readonly caller: Caller; readonly digest: string; readonly now: number },
): PausedCall | undefined {
  const opened = open(sealer, 'federated-call', text);
  const { data } = pausedCall.safeParse(opened);
  if (data === undefined || !isOwner(data, expected.caller)) return undefined;
  return data.digest === expected.digest && data.exp > expected.now ? data : undefined;
}

export function sealCursor(
  sealer: StateSealer,
  caller: Caller,
  method: string,
  cursors: Readonly<Record<string, string>>,
): string {
  return (
    prefix +
    sealer.seal('federated-cursor', federatedRoute, { ...ownerOf(caller), method, cursors })
  );
}

/** Undefined for a cursor of another person, another list, or one that was never given out. */
export function openCursor(
  sealer: StateSealer,
  caller: Caller,
  method: string,
  text: unknown,
): Readonly<Record<string, string>> | undefined {
  const { data } = cursor.safeParse(open(sealer, 'federated-cursor', text));
  if (data === undefined || !isOwner(data, caller) || data.method !== method) return undefined;
  return data.cursors;
}

function open(sealer: StateSealer, purpose: string, text: unknown): unknown {
  if (typeof text !== 'string' || !text.startsWith(prefix)) return undefined;
  try {
    return sealer.open(purpose, federatedRoute, text.slice(prefix.length));
  } catch {
    return undefined;
  }
}

function isOwner(one: Owner, other: Owner): boolean {
  return (
    one.issuer === other.issuer &&
    one.subject === other.subject &&
    one.application === other.application
  );
}
