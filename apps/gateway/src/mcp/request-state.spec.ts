import { describe, expect, it } from 'vitest';
import type { Caller } from '#lib/jwt/caller';
import { testSealer } from './mcp-gateway-fixture.js';
import { isOurState, openRequestState, requestDigest, sealRequestState } from './request-state.js';

const sealer = testSealer();
const caller: Caller = {
  issuer: 'corporate',
  iss: 'https://idp.example',
  subject: 'alice',
  application: 'app',
  machine: false,
  scopes: [],
  claims: {},
  audiences: [],
  issuedAt: 0,
  expiresAt: 9e9,
};
const digest = requestDigest('tools/call', { name: 'whoami' });
const state = {
  issuer: 'corporate',
  subject: 'alice',
  application: 'app',
  digest,
  interactionId: 'i',
  exp: 1000,
  scopes: [],
  interrupted: [],
};
const sealed = sealRequestState(sealer, '/mcp/demo', state);

describe('requestState', () => {
  it('opens for the same person, application, request and route, until it expires', () => {
    expect(openRequestState(sealer, '/mcp/demo', sealed, { caller, digest, now: 999 })).toEqual({
      ok: true,
      state,
    });
    expect(isOurState(sealed)).toBe(true);
    expect(isOurState('theirs')).toBe(false);
  });

  it.each([
    ['expired', '/mcp/demo', { caller, digest, now: 1000 }],
    ['of another route', '/mcp/other', { caller, digest, now: 1 }],
    ['of another request', '/mcp/demo', { caller, digest: 'x', now: 1 }],
    ['of another person', '/mcp/demo', { caller: { ...caller, subject: 'bob' }, digest, now: 1 }],
    ['of another issuer', '/mcp/demo', { caller: { ...caller, issuer: 'other' }, digest, now: 1 }],
    [
      'of another application',
      '/mcp/demo',
      { caller: { ...caller, application: 'other' }, digest, now: 1 },
    ],
  ])('row 19, requestState tampering: one %s is refused', (_what, route, expected) => {
    expect(openRequestState(sealer, route, sealed, expected).ok).toBe(false);
  });

  it('a sealed session id is no requestState', () => {
    const session = `sym1.${sealer.seal('legacy-session', '/mcp/demo', state)}`;
    expect(openRequestState(sealer, '/mcp/demo', session, { caller, digest, now: 1 }).ok).toBe(
      false,
    );
  });

  it('digests what the person asked for, and not what changes from round to round', () => {
    const same = { requestState: 's', inputResponses: {}, _meta: { a: 1 }, name: 'whoami' };
    expect(requestDigest('tools/call', same)).toBe(digest);
    expect(requestDigest('prompts/get', { name: 'whoami' })).not.toBe(digest);
    expect(
      requestDigest('tools/call', { name: 'whoami', arguments: { requestState: 's' } }),
    ).not.toBe(digest);
    expect(requestDigest('tools/call', { a: 1, b: 2 })).toBe(
      requestDigest('tools/call', { b: 2, a: 1 }),
    );
  });
});
