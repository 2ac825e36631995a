import { beforeEach, describe, expect, test } from 'vitest';
import type { TokenOutcome } from '#lib/contract/vault-answers';
import type { ExchangeRequest } from '#lib/contract/exchange';
import type { Caller } from '#lib/jwt/caller';
import { createLogger } from '#lib/observability/logger';
import { TestClock } from '#lib/testing/test-clock';
import { upstreamOf } from '../gateway-fixture.js';
import { Heartbeats } from '../upstreams/heartbeats.js';
import type { BorrowedCredential, CredentialRequest } from './credentials.js';
import { keepSeconds } from './keep-seconds.js';
import { VaultCredentials } from './vault-credentials.js';

const person = { issuer: 'corporate', subject: 'alice' };
const reports = upstreamOf('reports', 'https://reports.example');
const callerOf = (application: string): Caller => ({
  ...person,
  iss: 'https://idp.example',
  application,
  machine: false,
  scopes: [],
  claims: {},
  audiences: [],
  issuedAt: 0,
  expiresAt: 0,
});
const request: CredentialRequest = {
  caller: callerOf('cli'),
  token: 'jwt',
  upstream: reports,
  interaction: 'create',
};
const outage: TokenOutcome = { kind: 'unavailable', retryAfterSeconds: 2, detail: 'down' };
const consentNeeded: TokenOutcome = {
  kind: 'interaction',
  interaction: { error: 'interaction_required', error_description: '', message: 'Connect first.' },
};

function tokenOf(
  value: string,
  version = 1,
  changes: { expires_in?: number; grant_id?: string } = {},
): TokenOutcome {
  return {
    kind: 'token',
    token: {
      access_token: value,
      issued_token_type: '',
      token_type: 'Bearer',
      expires_in: 3600,
      grant_id: 'g1',
      grant_version: version,
      ...changes,
    },
  };
}

class ScriptedExchange {
  readonly asked: ExchangeRequest[] = [];
  next: (wanted: ExchangeRequest) => TokenOutcome | Promise<TokenOutcome> = () =>
    tokenOf(`t${this.asked.length}`);

  async exchange(wanted: ExchangeRequest): Promise<TokenOutcome> {
    this.asked.push(wanted);
    return this.next(wanted);
  }

  async serviceToken(): Promise<TokenOutcome> {
    return outage;
  }
}

let clock: TestClock;
let heartbeats: Heartbeats;
let vault: ScriptedExchange;
let credentials: VaultCredentials;

beforeEach(() => {
  clock = new TestClock();
  heartbeats = new Heartbeats(clock, 3000, () => undefined);
  heartbeats.beat(clock.now());
  vault = new ScriptedExchange();
  const logger = createLogger({ app: 'test', level: 'silent' });
  credentials = new VaultCredentials({ vault, clock, freshness: heartbeats, logger });
});

async function header(wanted: CredentialRequest = request): Promise<string | undefined> {
  const answer = await credentials.borrow(wanted);
  return answer.kind === 'credential' ? answer.header?.[1] : answer.kind;
}

async function borrowed(): Promise<BorrowedCredential> {
  const answer = await credentials.borrow(request);
  if (answer.kind !== 'credential') throw new Error(answer.kind);
  return answer;
}

/** A call that is still open. */
async function opened(): Promise<{ readonly ended: boolean; readonly close: () => void }> {
  const stream = { ended: false, close: () => undefined as void };
  const { revocation } = await borrowed();
  if (revocation === undefined) throw new Error('nothing would end it');
  stream.close = revocation.watch(() => (stream.ended = true), request.token);
  return stream;
}

function pass(seconds: number): void {
  clock.advance(seconds);
  heartbeats.beat(clock.now());
}

const grantEvent = (
  version: number,
  status: 'active' | 'refreshing' | 'needs_consent' | 'revoked',
) => credentials.changed({ type: 'grant', ...person, grantId: 'g1', version, status });
const consentRemoved = (application: string) =>
  credentials.changed({
    type: 'consent',
    ...person,
    application,
    consumer: 'gateway',
    upstream: 'reports',
    state: 'removed',
  });

describe('a borrowed token', () => {
  test('is at hand without a promise once it has been borrowed', async () => {
    await header();
    expect(credentials.borrow(request)).not.toBeInstanceOf(Promise);
    expect(vault.asked).toHaveLength(1);
  });

  test('is kept min(60 s, lifetime − min(10 s, 20 %))', () => {
    expect([3600, 60, 30, 5, 1].map(keepSeconds)).toEqual([60, 50, 24, 4, 0.8]);
  });

  test('is borrowed anew after its time', async () => {
    vault.next = () => tokenOf(`t${vault.asked.length}`, 1, { expires_in: 30 });
    await header();
    pass(23);
    expect(await header()).toBe('Bearer t1');
    pass(1);
    expect(await header()).toBe('Bearer t2');
  });

  test('is nobody else’s: each person, application, upstream and scope set has its own', async () => {
    const others: CredentialRequest[] = [
      { ...request, caller: callerOf('other') },
      { ...request, caller: { ...callerOf('cli'), subject: 'bob' } },
      { ...request, caller: { ...callerOf('cli'), issuer: 'partner' } },
      { ...request, upstream: upstreamOf('other', 'https://other.example') },
      { ...request, upstream: { ...reports, credential: { type: 'oauth', scopes: ['write'] } } },
      // A subject and an application that would read the same if they were only joined.
      { ...request, caller: { ...callerOf('cli'), subject: 'alice\0c', application: 'li' } },
    ];
    const seen = [await header()];
    for (const other of others) seen.push(await header(other));
    expect(new Set(seen).size).toBe(others.length + 1);
  });

  test('is injected as the upstream says', async () => {
    const upstream = { ...reports, inject: { header: 'X-Api-Key', scheme: '' } };
    const answer = await credentials.borrow({ ...request, upstream });
    expect(answer).toMatchObject({ header: ['x-api-key', 't1'] });
  });

  test('that would split a header is never sent', async () => {
    vault.next = () => tokenOf('a\r\nx: y');
    expect(await header()).toBe('unavailable');
  });
});

describe('one flight per key', () => {
  test('a hundred callers of one grant are one exchange', async () => {
    const answers = await Promise.all(Array.from({ length: 100 }, () => header()));
    expect(new Set(answers)).toEqual(new Set(['Bearer t1']));
    expect(vault.asked).toHaveLength(1);
  });

  test('a refused token of one caller is not held against another of the same person', async () => {
    vault.next = ({ subjectToken }) =>
      subjectToken === 'bad' ? { kind: 'invalid-subject-token', detail: '' } : tokenOf('good');
    const [first, second] = await Promise.all([header({ ...request, token: 'bad' }), header()]);
    expect([first, second]).toEqual(['invalid-token', 'Bearer good']);
  });
});

describe('staleness', () => {
  test('without a heartbeat for three seconds every call exchanges', async () => {
    await header();
    clock.advance(2.9);
    expect(await header()).toBe('Bearer t1');
    clock.advance(0.2);
    expect(await header()).toBe('Bearer t2');
    expect(await header()).toBe('Bearer t3');
  });

  test('if that fails too: unavailable with a time to retry, and no elicitation', async () => {
    await header();
    clock.advance(4);
    vault.next = () => outage;
    expect(await credentials.borrow(request)).toMatchObject({
      kind: 'unavailable',
      retryAfterSeconds: 2,
    });
  });

  test('an unreachable vault is not noticed while a token is at hand and heartbeats are heard', async () => {
    await header();
    vault.next = () => outage;
    pass(50);
    expect(await header()).toBe('Bearer t1');
  });

  test('a heartbeat that was ten seconds on its way does not count as fresh', async () => {
    await header();
    clock.advance(10);
    heartbeats.beat(clock.now() - 10);
    expect(heartbeats.fresh).toBe(false);
    expect(await header()).toBe('Bearer t2');
  });

  test('R12, somebody sets the host’s clock: nothing changes', async () => {
    await header();
    clock.jump(3600);
    expect(heartbeats.fresh).toBe(true);
    clock.jump(-7200);
    expect(await header()).toBe('Bearer t1');
  });

  test('a reconnection drops what was borrowed', async () => {
    await header();
    credentials.reconnected();
    expect(await header()).toBe('Bearer t2');
  });

  test('an answer that was under way during a reconnection is used once and not kept', async () => {
    const before = header();
    credentials.reconnected();
    expect(await before).toBe('Bearer t1');
    expect(await header()).toBe('Bearer t2');
  });

  test('a stream whose grant is gone after a reconnection ends; one whose grant stands goes on', async () => {
    const first = await opened();
    credentials.reconnected();
    await new Promise((resolve) => setTimeout(resolve, 5));
    expect(first.ended).toBe(false);
    vault.next = () => consentNeeded;
    credentials.reconnected();
    await new Promise((resolve) => setTimeout(resolve, 5));
    expect(first.ended).toBe(true);
    expect(vault.asked.at(-1)?.interaction).toBe('none');
  });

  test('R3, nothing is heard: a stream goes on only if the vault confirms its grant now', async () => {
    const stream = await opened();
    credentials.silent();
    await new Promise((resolve) => setTimeout(resolve, 5));
    expect(stream.ended).toBe(false);
    vault.next = () => outage;
    credentials.silent();
    await new Promise((resolve) => setTimeout(resolve, 5));
    expect(stream.ended).toBe(true);
  });

  test('R3, nothing is heard: a vault that does not answer in time confirms nothing', async () => {
    const stream = await opened();
    vault.next = () => new Promise(() => undefined);
    credentials.silent();
    await expect.poll(() => stream.ended, { timeout: 3_000 }).toBe(true);
  });

  test('R3, nothing is heard: a stream that was opened in the silence ends too', async () => {
    credentials.silent();
    const stream = await opened();
    expect(stream.ended).toBe(false);
    vault.next = () => consentNeeded;
    credentials.silent();
    await expect.poll(() => stream.ended).toBe(true);
  });

  test('nobody is asked about a call that is over', async () => {
    const stream = await opened();
    stream.close();
    const before = vault.asked.length;
    credentials.reconnected();
    credentials.silent();
    await new Promise((resolve) => setTimeout(resolve, 5));
    expect(vault.asked).toHaveLength(before);
  });

  test('heartbeats that stay away are noticed, and again until one comes', async () => {
    let silences = 0;
    const hasty = new Heartbeats(clock, 20, () => undefined, 20);
    hasty.onSilence(() => (silences += 1));
    await expect.poll(() => silences).toBeGreaterThan(0);
    hasty.beat(clock.now());
    const before = silences;
    await expect.poll(() => silences).toBeGreaterThan(before + 1);
  });
});

describe('fencing', () => {
  test('a revoked grant is forgotten at once and its open streams end', async () => {
    const stream = await opened();
    grantEvent(2, 'revoked');
    expect(stream.ended).toBe(true);
    vault.next = () => consentNeeded;
    expect(await header()).toBe('interaction');
  });

  test('a token borrowed before the revocation says so even if asked only afterwards', async () => {
    const credential = await borrowed();
    grantEvent(2, 'revoked');
    expect(credential.revocation?.happened).toBe(true);
  });

  test('an exchange answer older than an event already seen is discarded', async () => {
    vault.next = () => {
      if (vault.asked.length === 1) grantEvent(5, 'active');
      return tokenOf(`t${vault.asked.length}`, vault.asked.length === 1 ? 4 : 5);
    };
    expect(await header()).toBe('Bearer t2');
  });

  test('a revoke that overtakes its exchange wins, however often it is asked', async () => {
    grantEvent(5, 'revoked');
    vault.next = () => tokenOf('zombie', 5);
    expect(await header()).toBe('unavailable');
  });

  test('a refresh replaces what was borrowed; one under way does not', async () => {
    await header();
    grantEvent(1, 'refreshing');
    expect(await header()).toBe('Bearer t1');
    grantEvent(2, 'active');
    vault.next = () => tokenOf('renewed', 2);
    expect(await header()).toBe('Bearer renewed');
  });

  test('a withdrawn consent ends that application’s use and no other’s', async () => {
    const stream = await opened();
    const other = { ...request, caller: callerOf('other') };
    const before = await header(other);
    consentRemoved('cli');
    expect(stream.ended).toBe(true);
    expect(await header(other)).toBe(before);
    vault.next = () => consentNeeded;
    expect(await header()).toBe('interaction');
  });

  test('a consent withdrawn while the exchange is under way is asked for again', async () => {
    vault.next = () => {
      if (vault.asked.length > 1) return consentNeeded;
      consentRemoved('cli');
      return tokenOf('too late');
    };
    expect(await header()).toBe('interaction');
  });
});

describe('a token that the upstream refused', () => {
  test('is replaced by another, which is remembered', async () => {
    const refused = await borrowed();
    const replaced = await credentials.replace(request, refused);
    expect(replaced).toMatchObject({ header: ['authorization', 'Bearer t2'] });
    expect(vault.asked[1]?.rejectedTokenSha256).toMatch(/^[\w-]{43}$/);
    expect(await header()).toBe('Bearer t2');
  });

  test('is not replaced twice: who comes later gets the replacement', async () => {
    const refused = await borrowed();
    await credentials.replace(request, refused);
    await credentials.replace(request, refused);
    expect(vault.asked).toHaveLength(2);
  });

  test('comes back itself where the vault has no other', async () => {
    vault.next = () => tokenOf('same');
    const refused = await borrowed();
    expect(await credentials.replace(request, refused)).toBe(refused);
  });

  test('comes back where the person was asked already and there is no link: row 39, at most hourly', async () => {
    const refused = await borrowed();
    vault.next = () => consentNeeded;
    expect(await credentials.replace(request, refused)).toBe(refused);
    const listing = { ...request, interaction: 'none' } as const;
    expect(await credentials.replace(listing, refused)).toMatchObject({ kind: 'interaction' });
  });
});

describe('what is made from the caller’s own token', () => {
  const federated = upstreamOf('federated', 'https://api.example', {
    credential: { type: 'token-exchange', scopes: [] },
  });
  const first = { ...request, upstream: federated, token: 'jwt-1' };

  test('stands for that token alone', async () => {
    expect([await header(first), await header(first)]).toEqual(['Bearer t1', 'Bearer t1']);
    expect(await header({ ...first, token: 'jwt-2' })).toBe('Bearer t2');
    expect(vault.asked.map(({ subjectToken }) => subjectToken)).toEqual(['jwt-1', 'jwt-2']);
  });

  test('is made anew once where the upstream refuses it, and not for ever', async () => {
    const refused = await credentials.borrow(first);
    if (refused.kind !== 'credential') throw new Error(refused.kind);
    const other = await credentials.replace(first, refused);
    if (other.kind !== 'credential') throw new Error(other.kind);
    expect(other.header?.[1]).toBe('Bearer t2');
    expect(await credentials.replace(first, other)).toBe(other);
    expect(vault.asked).toHaveLength(2);
  });

  test('what its issuer refuses is told, and leads to no link', async () => {
    vault.next = () => ({ kind: 'refused', error: 'invalid_grant', detail: '' });
    expect(await credentials.borrow(first)).toMatchObject({
      kind: 'forbidden',
      detail: expect.stringContaining('identity provider'),
    });
  });
});
