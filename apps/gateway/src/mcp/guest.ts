import type { Caller } from '#lib/jwt/caller';
import type { McpCall } from './mcp-call.js';

/** Who calls without a token. Slugs of issuers and subjects are never empty: nobody else is this person. */
export const nobody: Caller = {
  issuer: '',
  iss: '',
  subject: '',
  application: '',
  machine: false,
  scopes: [],
  claims: {},
  audiences: [],
  issuedAt: 0,
  expiresAt: Number.POSITIVE_INFINITY,
};

export function isNobody(caller: Pick<Caller, 'issuer'>): boolean {
  return caller.issuer === '';
}

/** What goes to the upstream for a caller who may use its public tools only; the rest of `answered` is answered here. */
const forwarded = new Set(['initialize', 'server/discover', 'tools/list', 'tools/call']);
const answered = new Set([
  ...forwarded,
  'ping',
  'logging/setLevel',
  'prompts/list',
  'resources/list',
  'resources/templates/list',
]);

/** Whether somebody who may use public tools only is answered at all; whether a tool is public is judged elsewhere. */
export function isOpenToGuests(method: string): boolean {
  return answered.has(method);
}

/** Nothing of the upstream but its tools is public: such a list is empty, and a ping is answered, here. */
export function isAnsweredHere(call: McpCall, method: string): boolean {
  return call.lacking !== undefined && !forwarded.has(method);
}
