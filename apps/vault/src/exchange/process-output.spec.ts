import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest';
import { ExchangeFixture } from './exchange-fixture.js';

let fixture: ExchangeFixture;
beforeAll(async () => {
  fixture = await ExchangeFixture.start();
});
afterAll(() => fixture.stop());
afterEach(() => vi.restoreAllMocks());

/** All that this process prints from now on, by whatever way. */
function printed(): () => string {
  const chunks: unknown[] = [];
  const keep = (...values: unknown[]) => chunks.push(...values) > 0;
  for (const stream of [process.stdout, process.stderr])
    vi.spyOn(stream, 'write').mockImplementation(keep);
  for (const way of ['log', 'info', 'debug', 'warn', 'error', 'trace', 'dir'] as const)
    vi.spyOn(console, way).mockImplementation(keep);
  return () => chunks.map(String).join('\n');
}

test('row 40, log leaks: no token that was sent or handed out is printed past the log', async () => {
  const { accessToken } = await fixture.grant('leo');
  await fixture.consent('leo');
  const token = await fixture.token('leo');
  const assertion = await fixture.assertion();
  const output = printed();
  process.stdout.write('planted');
  const answer = await fixture.exchange(token, { client_assertion: assertion });
  await fixture.exchange(token, { client_assertion: assertion, audience: 'unlisted' });
  await fixture.exchange(token, { client_assertion: 'x', subject_token: 'y' });
  const text = output();
  vi.restoreAllMocks();
  expect(answer.body.access_token).toBe(accessToken);
  expect(text).toContain('planted');
  for (const secret of [accessToken, token, assertion, ...fixture.provider.issuedTokens])
    expect(text).not.toContain(secret);
});
