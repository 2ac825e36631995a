import { timingSafeEqual } from 'node:crypto';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { hashOf, mintOpaque } from '../web/opaque.js';
import type { Cookies } from './cookies.js';

// A trip that was begun so often without an end is noise; the header must not grow without bound.
const maxTrips = 8;
const tripSeconds = 600;

export interface BoundTrip {
  /** For the `state` parameter. Derived from the cookie one way: who reads it in a URL cannot make the cookie. */
  readonly state: string;
  readonly stateHash: Buffer;
  readonly browserHash: Buffer;
  /** Names the cookie; no secret. */
  readonly id: string;
}

/**
 * Ties a trip to another server to the browser that begins it: a cookie of its own per trip, so tabs do not disturb
 * each other, and always a fresh value, so nothing planted is ever taken up.
 */
export class BrowserBinding {
  constructor(
    private readonly cookies: Cookies,
    private readonly kind: 'login' | 'connect' | 'sign-in',
  ) {}

  begin(request: FastifyRequest, reply: FastifyReply): BoundTrip {
    const trips = this.cookies.idsOf(request, this.kind);
    if (trips.length >= maxTrips)
      for (const id of trips) this.cookies.clear(request, reply, this.kind, id);
    const value = mintOpaque().reveal();
    const trip = tripOf(value);
    const { id } = trip;
    this.cookies.set(request, reply, { kind: this.kind, id, value, maxAgeSeconds: tripSeconds });
    return trip;
  }

  /** The trip of this id, if this browser began it. */
  resume(request: FastifyRequest, id: string): BoundTrip | undefined {
    const value = this.cookies.read(request, this.kind, id);
    const trip = value === undefined ? undefined : tripOf(value);
    return trip?.id === id ? trip : undefined;
  }

  /** Whether this browser holds the cookie that `browserHash` is the hash of. */
  holds(request: FastifyRequest, trip: { stateHash: Buffer; browserHash: Buffer }): boolean {
    const value = this.cookies.read(request, this.kind, tripId(trip.stateHash));
    return value !== undefined && timingSafeEqual(hashOf(value), trip.browserHash);
  }

  end(request: FastifyRequest, reply: FastifyReply, stateHash: Buffer): void {
    this.cookies.clear(request, reply, this.kind, tripId(stateHash));
  }
}

function tripOf(cookieValue: string): BoundTrip {
  const state = hashOf(`state ${cookieValue}`).toString('base64url');
  const stateHash = hashOf(state);
  return { state, stateHash, browserHash: hashOf(cookieValue), id: tripId(stateHash) };
}

function tripId(stateHash: Buffer): string {
  return stateHash.toString('base64url').slice(0, 10);
}
