import { Agent, createServer, request as ask, type IncomingMessage, type Server } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { Registry } from 'prom-client';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { IssuerConfig } from '#lib/contract/config-snapshot';
import type { SignatureTurn } from '#lib/jwt/signature-turn';
import { encodePart, TestVerifier } from '#lib/testing/test-verifier';
import { Forgeries } from './forgeries.js';
import { RefusedTokens } from './refused-tokens.js';
import { showSignatures } from './show-signatures.js';
import { mostUnderWay, SignatureTurns } from './signature-turns.js';
import { VerifiedInbound } from './verified-inbound.js';
import { VerifiedTokens } from './verified-tokens.js';

const aSecondOfForgeries = 250;
const corporate: IssuerConfig = {
  ...{ slug: 'corporate', issuer: TestVerifier.good.iss, alsoIssuedAs: [], jwksUri: '' },
  ...{ algorithms: ['RS256'], tokenTypes: ['at+jwt'], audiences: [], baseScopes: [] },
  ...{ subjectClaim: 'sub', unknownApplications: 'ask' },
};

/** A clock that stands. */
function standing() {
  const clock = { nowMs: 0, now: () => TestVerifier.now, monotonicMs: () => clock.nowMs };
  return clock;
}

const from = (network: string, connection: object = {}) => ({ network, connection });

/** Turns of which a network has used up what is spent on bad signatures. */
function floodedBy(network: string, connection: object) {
  const clock = standing();
  const turns = new SignatureTurns(clock);
  for (let i = 0; i < aSecondOfForgeries; i += 1)
    (turns.ask(from(network, connection)) as SignatureTurn).ended(false);
  return { clock, turns };
}

describe('row 30, flood of bad signatures, all different', () => {
  let bench: TestVerifier;
  let server: Server;
  let signed: string;
  let turns: SignatureTurns;
  let most = 0;
  const flooding = new Agent({ keepAlive: true, maxSockets: 32 });

  beforeAll(async () => {
    bench = await TestVerifier.start();
    signed = await bench.sign(TestVerifier.good);
    const clock = standing();
    turns = new SignatureTurns(clock);
    const verified = new VerifiedTokens(clock);
    const verifier = bench.verifier();
    const inbound = new VerifiedInbound({
      ...{ publicUrl: TestVerifier.gateway, origins: [], verifier, verified },
      refused: new RefusedTokens(clock, verified),
      turns: {
        ask: async (sender) => {
          const turn = await turns.ask(sender);
          most = Math.max(most, turns.underWay);
          return turn;
        },
      },
      catalogue: {
        ...{ ready: true, applications: [], askedClaims: new Set<string>() },
        issuers: [corporate],
      },
    });
    server = createServer((request, response) => {
      void Promise.resolve(inbound.admit(request, '/mcp/snow', undefined)).then((admission) => {
        if (admission.ok) response.end();
        else response.writeHead(admission.status, admission.headers).end(admission.detail);
      });
    });
    await once(server.listen(0, '0.0.0.0'), 'listening');
  });

  afterAll(async () => {
    flooding.destroy();
    server.closeAllConnections();
    server.close();
    await bench.stop();
  });

  async function call(token: string, way: { agent?: Agent; localAddress?: string } = {}) {
    const { port } = server.address() as AddressInfo;
    const headers = { authorization: `Bearer ${token}` };
    const sent = ask({ host: '127.0.0.1', port, headers, ...way }).end();
    const [response] = (await once(sent, 'response')) as [IncomingMessage];
    let text = '';
    for await (const part of response) text += String(part);
    const { statusCode: status = 0, headers: answered } = response;
    return { status, wait: answered['retry-after'], text };
  }

  let distinct = 0;
  const forge = () => {
    distinct += 1;
    const [header = '', , signature = ''] = signed.split('.');
    return `${header}.${encodePart({ ...TestVerifier.good, jti: `forged ${distinct}` })}.${signature}`;
  };
  const flood = async (calls: number) =>
    Promise.all(Array.from({ length: calls }, () => call(forge(), { agent: flooding })));

  test('computes few of them at a time and so many a second; the others hear 503, none hears 401 unchecked', async () => {
    expect((await call(signed)).status).toBe(200);
    let over = false;
    const flooded = flood(aSecondOfForgeries + 100).finally(() => (over = true));
    let served = 0;
    while (!over) {
      expect((await call(signed)).status).toBe(200);
      served += 1;
    }
    expect(served).toBeGreaterThan(0);
    const answers = await flooded;
    const refused = answers.filter(({ status }) => status === 503);
    expect([answers.filter(({ status }) => status === 401).length, refused.length]).toEqual([
      aSecondOfForgeries,
      100,
    ]);
    for (const { wait, text } of refused) {
      expect(wait).toMatch(/^[1-4]$/);
      expect(text).toContain('Try again later');
    }
    expect(turns.outcomes).toEqual({ good: 1, bad: aSecondOfForgeries, refused: 100 });
    expect(most).toBeLessThanOrEqual(mostUnderWay);
    const registry = new Registry();
    showSignatures(turns, registry);
    expect(await registry.metrics()).toContain('symbolon_signatures_total{outcome="refused"} 100');
  });

  test('lets in whoever comes with a good one from elsewhere', async () => {
    const flooded = flood(64);
    const newcomer = await bench.sign({ ...TestVerifier.good, sub: 'newcomer' });
    expect((await call(newcomer, { localAddress: '127.0.0.2' })).status).toBe(200);
    expect(new Set((await flooded).map(({ status }) => status))).toEqual(new Set([503]));
  });
});

describe('row 30, flood of bad signatures from one network', () => {
  test('a connection on which nothing bad came goes before those of the flood', async () => {
    const flooder = {};
    const { clock, turns } = floodedBy('a', flooder);
    clock.nowMs = 4;
    const flood = Array.from({ length: 100 }, async () => turns.ask(from('a', flooder)));
    // The one that is there to spend went to whoever came first.
    const [first, ...others] = flood;
    expect(await first).toBeDefined();
    clock.nowMs = 8;
    expect(await turns.ask(from('a'))).toBeDefined();
    expect(new Set(await Promise.all(others))).toEqual(new Set([undefined]));
  });

  test('another is not held up by it', () => {
    const { turns } = floodedBy('a', {});
    expect(turns.ask(from('b'))).toHaveProperty('ended');
  });

  test('good ones from there cost nothing of what is spent on bad ones', () => {
    const { clock, turns } = floodedBy('a', {});
    clock.nowMs = 4;
    for (let i = 0; i < 1_000; i += 1) (turns.ask(from('a')) as SignatureTurn).ended(true);
    expect(turns.outcomes.good).toBe(1_000);
  });

  test('it is believed again ten seconds after the last', () => {
    const clock = standing();
    const forgeries = new Forgeries(clock);
    const broken = (count: number) => {
      for (let i = 0; i < count; i += 1) forgeries.found(from('a'), false);
      return forgeries.isSuspect('a');
    };
    // As many as may break on their way.
    expect([broken(15), broken(1)]).toEqual([false, true]);
    clock.nowMs = 9_999;
    expect(forgeries.isSuspect('a')).toBe(true);
    clock.nowMs = 10_000;
    expect([forgeries.isSuspect('a'), broken(15)]).toEqual([false, false]);
  });

  test('networks without end do not fill the memory', () => {
    const forgeries = new Forgeries(standing());
    for (let i = 0; i < 20_000; i += 1) forgeries.found(from(`network ${i}`), false);
    expect(forgeries.size).toBe(10_000);
  });
});

describe('when as many are under way as may be', () => {
  test('the others wait, network by network in turn', async () => {
    const turns = new SignatureTurns(standing());
    const begun = Array.from({ length: mostUnderWay }, () => turns.ask(from('a')) as SignatureTurn);
    const order: string[] = [];
    const waiting = ['a', 'a', 'a', 'b', 'c'].map(async (network) => {
      const turn = await turns.ask(from(network));
      order.push(network);
      expect(turns.underWay).toBe(mostUnderWay);
      turn?.ended(true);
    });
    expect(order).toEqual([]);
    begun[0]?.ended(true);
    await Promise.all(waiting);
    expect(order).toEqual(['a', 'b', 'c', 'a', 'a']);
  });

  test('a line that is too long is refused, another network still waits', () => {
    const turns = new SignatureTurns(standing());
    const ask = (network: string) => turns.ask(from(network));
    for (let i = 0; i < mostUnderWay + 1_024; i += 1) expect(ask('a')).toBeDefined();
    expect(ask('a')).toBeUndefined();
    expect(ask('b')).toBeInstanceOf(Promise);
  });
});
