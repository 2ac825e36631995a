import { describe, expect, it } from 'vitest';
import type { Caller } from '#lib/jwt/caller';
import { nobody } from './guest.js';
import { newSession, OpenedSessions, sealSession } from './legacy-session.js';
import { testSealer } from './mcp-gateway-fixture.js';

const alice: Caller = { ...nobody, issuer: 'corporate', subject: 'alice', application: 'ide' };
const initialize = {
  protocolVersion: '2025-11-25',
  capabilities: {},
  clientInfo: { name: 'test', version: '1' },
};

describe('sessions that were opened once', () => {
  const sealer = testSealer();
  const session = newSession(alice, initialize, '2025-11-25', 0);
  const id = sealSession(sealer, '/mcp/one', session);
  const opened = new OpenedSessions(sealer);
  const find = (route: string, caller: Caller, now = 1) =>
    opened.find(route, id, { caller, now })?.nonce;

  it('row 3, session fixation: are their own person’s at their own route, however often they were opened there', () => {
    expect(find('/mcp/one', alice)).toBe(session.nonce);
    expect(find('/mcp/other', alice)).toBeUndefined();
    expect(find('/mcp/one', { ...alice, subject: 'bob' })).toBeUndefined();
    expect(find('/mcp/one', { ...alice, application: 'other' })).toBeUndefined();
    expect(find('/mcp/one', nobody)).toBeUndefined();
    expect(find('/mcp/one', alice)).toBe(session.nonce);
  });

  it('end with their time, remembered or not', () => {
    expect(find('/mcp/one', alice, session.exp - 1)).toBe(session.nonce);
    expect(find('/mcp/one', alice, session.exp)).toBeUndefined();
  });
});
