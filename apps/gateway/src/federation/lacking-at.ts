import type { Caller } from '#lib/jwt/caller';
import type { Inbound, Refusal } from '../inbound/inbound.js';
import type { PreparedUpstream } from '../upstreams/upstreams.js';
import { federatedRoute } from './federated-state.js';
import { accessTo } from './joined-upstreams.js';

/** What a guest of an upstream is answered for everything there that is not public; undefined for who is none. */
export function lackingAt(
  inbound: Inbound,
  caller: Caller,
  upstream: PreparedUpstream,
): Refusal | undefined {
  if (upstream.toolGate?.admitsGuests !== true) return undefined;
  const access = accessTo(caller, upstream);
  if (access?.kind !== 'guest') return undefined;
  const { needed } = access;
  if (needed === undefined) return inbound.needs(federatedRoute, upstream.config.access.scopes);
  if (needed.kind === 'insufficient-scope')
    return inbound.needs(federatedRoute, needed.scopes, caller);
  const detail = 'You may not use this service.';
  return { ok: false, status: 403, code: 'forbidden', detail, headers: {} };
}
