import { describe, expect, test } from 'vitest';
import {
  audiencesOf,
  exchangeAudience,
  isMeantFor,
  onlyAudiences,
  routeAudience,
} from './audience.js';

const gateway = 'https://gateway.example';
const trust = { audiences: ['api://symbolon'] };

describe('row 27, audience', () => {
  const route = routeAudience(gateway, '/mcp/snow');
  test.each([
    ['the route', ['https://gateway.example/mcp/snow'], true],
    ['the gateway', ['https://gateway.example'], true],
    ['the gateway as a URL parser writes it', ['https://gateway.example/'], true],
    ['a value the issuer lists', ['api://symbolon'], true],
    ['ours among others', ['account', 'https://gateway.example'], true],
    ['nothing', [], false],
    ['the empty string', [''], false],
    ['others', ['account', 'https://other.example'], false],
    ['another upstream', ['https://gateway.example/mcp/reports'], false],
    ['all upstreams together', ['https://gateway.example/mcp'], false],
    ['the same upstream by the other door', ['https://gateway.example/http/snow'], false],
    ['a prefix', ['https://gateway.example/mcp/snow/'], false],
    ['another case', ['https://Gateway.example'], false],
    ['http', ['http://gateway.example'], false],
    ['a longer host', ['https://gateway.example.evil'], false],
  ])('a token for %s at /mcp/snow: %j → %s', (_name, aud, good) => {
    expect(isMeantFor(aud, route, trust)).toBe(good);
  });

  test('an empty entry in a list opens nothing', () => {
    expect(isMeantFor([''], onlyAudiences(['']), { audiences: [''] })).toBe(false);
    expect(isMeantFor([''], route, { audiences: [''] })).toBe(false);
  });

  test('the exchange takes every route of that gateway to that upstream, and no other', () => {
    const acceptable = exchangeAudience(gateway, 'snow');
    for (const path of ['', '/mcp', '/mcp/snow', '/http/snow']) {
      expect(isMeantFor([gateway + path], acceptable, trust)).toBe(true);
    }
    expect(isMeantFor([`${gateway}/mcp/reports`], acceptable, trust)).toBe(false);
    expect(isMeantFor(['https://gateway2.example'], acceptable, trust)).toBe(false);
  });

  test("the admin audience is its own: no value of the issuer's audiences opens it", () => {
    const admin = onlyAudiences(['https://vault.example/admin']);
    expect(isMeantFor(['https://vault.example/admin'], admin, trust)).toBe(true);
    expect(isMeantFor(['api://symbolon'], admin, trust)).toBe(false);
    expect(isMeantFor(['https://vault.example/admin'], routeAudience(gateway, '/mcp'), trust)).toBe(
      false,
    );
  });
});

test.each([
  ['a', ['a']],
  [
    ['a', 'b'],
    ['a', 'b'],
  ],
  [[], undefined],
  [['a', 1], undefined],
  [undefined, undefined],
  [null, undefined],
  [{ a: 1 }, undefined],
  [7, undefined],
])('aud %j is read as %j', (aud, list) => {
  expect(audiencesOf(aud)).toEqual(list);
});
