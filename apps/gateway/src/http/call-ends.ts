import { OutboundError } from '#lib/outbound/outbound-error';
import { BodyTooLarge } from './request-body.js';

export const clientLeft = new Error('the client left');
export const grantRevoked = new Error('the grant was revoked');
/** The answer is not passed on: we refuse it, or ask again. */
export const notPassedOn = new Error('the answer is not passed on');

/** Whether a call ended by the caller, by us or by our rules, which says nothing of the upstream. */
export function isNotTheUpstreams(error: unknown): boolean {
  if (error instanceof OutboundError)
    return error.code === 'refused-address' || error.code === 'busy';
  // A body that breaks off with its client is an error of its own.
  return (
    error === grantRevoked ||
    error === notPassedOn ||
    error instanceof BodyTooLarge ||
    (error instanceof Error && error.message === clientLeft.message)
  );
}
