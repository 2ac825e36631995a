import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { TestVerifier } from '#lib/testing/test-verifier';

const { good, route } = TestVerifier;

let bench: TestVerifier;

beforeAll(async () => {
  bench = await TestVerifier.start();
});

afterAll(() => bench.stop());

describe('which application', () => {
  test.each([
    ['client_id', { client_id: 'a' }, 'a'],
    ['azp', { azp: 'a' }, 'a'],
    ['appid', { appid: 'a' }, 'a'],
    ['cid', { cid: 'a' }, 'a'],
    ['several that agree', { client_id: 'a', azp: 'a', cid: 'a' }, 'a'],
    ['several that differ', { client_id: 'a', azp: 'b' }, 'application-conflict'],
    ['later ones that differ', { azp: 'a', cid: 'b' }, 'application-conflict'],
    ['none', {}, 'application'],
    ['an empty one', { client_id: '' }, 'application'],
    ['an empty one beside a good one', { client_id: '', azp: 'a' }, 'application'],
    ['a list', { client_id: ['a'] }, 'application'],
    ['null', { client_id: null, azp: 'a' }, 'application'],
    ['control characters', { client_id: 'a\nb' }, 'application'],
    ['client_info, which identifies nobody', { client_name: 'a' }, 'application'],
  ])('%s', async (_name, claims, expected) => {
    const answer = await bench
      .verifier()
      .verify(await bench.sign({ ...good, client_id: undefined, ...claims }), route);
    expect(answer.ok ? answer.caller.application : answer.reason).toBe(expected);
  });

  test("the issuer's clientClaim decides alone", async () => {
    const own = bench.verifier(bench.trust({ clientClaim: '/app/id' }));
    const answer = await own.verify(
      await bench.sign({ ...good, azp: 'other', app: { id: 'mine' } }),
      route,
    );
    expect(answer.ok && answer.caller.application).toBe('mine');
    expect(await bench.reasonFor(await bench.sign(good), own)).toBe('application');
  });

  test.each([
    ['sub is the client', { sub: 'inspector' }, true],
    ['idtyp app, Entra', { idtyp: 'app' }, true],
    ['oid is sub without scopes, Entra', { tid: 't', oid: 'alice', scope: undefined }, true],
    ['oid is sub with scopes, Entra', { tid: 't', oid: 'alice' }, false],
    ['client-credentials, Auth0', { gty: 'client-credentials' }, true],
    ['@clients, Auth0', { sub: 'inspector@clients' }, true],
    [
      "Keycloak's service account",
      { sub: 'f3c0', preferred_username: 'service-account-inspector' },
      true,
    ],
    [
      "another client's service account name",
      { preferred_username: 'service-account-other' },
      false,
    ],
    ['a person', { preferred_username: 'alice', idtyp: 'user' }, false],
  ])('machine: %s → %s', async (_name, claims, machine) => {
    const answer = await bench.verifier().verify(await bench.sign({ ...good, ...claims }), route);
    expect(answer.ok && answer.caller.machine).toBe(machine);
  });

  test('machine: sub is the client, though another claim identifies persons', async () => {
    const entra = bench.verifier(bench.trust({ subjectClaim: 'oid' }));
    const token = await bench.sign({ ...good, sub: 'inspector', oid: 'service-principal' });
    const answer = await entra.verify(token, route);
    expect(answer).toMatchObject({
      ok: true,
      caller: { subject: 'service-principal', machine: true },
    });
  });
});
