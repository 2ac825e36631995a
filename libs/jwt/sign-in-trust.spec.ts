import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { TestVerifier } from '#lib/testing/test-verifier';
import { exchangeAudience, onlyAudiences } from './audience.js';
import { signInTrust } from './sign-in-trust.js';
import type { TokenVerifier } from './token-verifier.js';

const { good, gateway, route } = TestVerifier;
const vault = 'https://vault.example';
const resource = `${gateway}/mcp/snow`;
const minted = { ...good, iss: vault, corporate_issuer: 'corporate' };

let bench: TestVerifier;
let verifier: TokenVerifier;

beforeAll(async () => {
  bench = await TestVerifier.start();
  const corporate = [
    bench.trust({ scopeHierarchy: { tools: ['tools:read'] } }),
    bench.trust({ slug: 'partner', issuer: 'https://partner.example' }),
  ];
  const { jwksUri } = bench.trust();
  const own = signInTrust({ issuer: vault, jwksUri, corporate, resources: [resource] });
  verifier = bench.verifier(...corporate, own);
});
afterAll(() => bench.stop());

const sign = (claims: Readonly<Record<string, unknown>>, header = {}) =>
  bench.sign({ ...minted, ...claims }, { alg: 'ES256', ...header });

test('a token of the vault is about a person of the issuer that it names', async () => {
  const answer = await verifier.verify(await sign({}), route);
  expect(answer.ok && answer.caller).toMatchObject({
    ...{ issuer: 'corporate', iss: vault, subject: 'alice', application: 'inspector' },
    ...{ signedInHere: true, scopes: ['tools', 'read', 'tools:read'] },
  });
});

test('in tokens of other issuers the claim says nothing', async () => {
  const claims = { ...good, corporate_issuer: 'partner' };
  const answer = await verifier.verify(await bench.sign(claims), route);
  expect(answer.ok && answer.caller.issuer).toBe('corporate');
  expect(answer.ok && answer.caller.signedInHere).toBeUndefined();
});

describe('iss confusion: a token of the vault', () => {
  test.each([
    ['for nobody of ours', { corporate_issuer: 'stranger' }, 'unknown-issuer'],
    ['for no issuer', { corporate_issuer: undefined }, 'unknown-issuer'],
    ['for a list of issuers', { corporate_issuer: ['corporate'] }, 'unknown-issuer'],
    ['for itself', { corporate_issuer: '' }, 'unknown-issuer'],
    ['for the whole gateway', { aud: gateway }, 'audience'],
    ['for two resources', { aud: [resource, gateway] }, 'audience'],
    ['for an upstream that did not opt in', { aud: `${gateway}/mcp/other` }, 'audience'],
    ['without a client', { client_id: undefined }, 'application'],
    ['that names its client by azp', { client_id: undefined, azp: 'inspector' }, 'application'],
  ])('%s', async (_name, claims, reason) => {
    expect(await bench.reasonFor(await sign(claims), verifier)).toBe(reason);
  });

  test.each([
    ['signed by another algorithm', { alg: 'RS256' }, 'algorithm'],
    ['that is called JWT', { typ: 'JWT' }, 'token-type'],
  ])('%s', async (_name, header, reason) => {
    expect(await bench.reasonFor(await sign({}, header), verifier)).toBe(reason);
  });

  test('where the vault mints none', async () => {
    expect(await bench.reasonFor(await sign({}))).toBe('unknown-issuer');
  });

  test('where a corporate issuer has the same name', async () => {
    const { jwksUri } = bench.trust();
    const both = [bench.trust(), bench.trust({ slug: 'double', issuer: vault })];
    const own = signInTrust({ issuer: vault, jwksUri, corporate: both, resources: [resource] });
    expect(await bench.reasonFor(await sign({}), bench.verifier(...both, own))).toBe(
      'unknown-issuer',
    );
  });

  test('is good at its route and its exchange, and nowhere else', async () => {
    const good = async (acceptable: Parameters<TokenVerifier['verify']>[1]) =>
      (await verifier.verify(await sign({}), acceptable)).ok;
    expect(await good(exchangeAudience(gateway, 'snow'))).toBe(true);
    expect(await good(exchangeAudience(gateway, 'other'))).toBe(false);
    expect(await good(onlyAudiences([`${vault}/admin`]))).toBe(false);
    expect(await good(onlyAudiences(['api://symbolon']))).toBe(false);
  });
});
