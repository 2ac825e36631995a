import { afterAll, beforeAll, test } from 'vitest';
import { decodeJwt } from 'jose';
import { clientRedirect, SignInFixture } from './sign-in-fixture.js';

let f: SignInFixture;
let r: { origin: string; stop(): Promise<void> };
let id: string;
const out: string[] = [];
const say = (what: string, expected: string, seen: unknown) =>
  out.push(`${what} | ${expected} | ${typeof seen === 'string' ? seen : JSON.stringify(seen)}`);
beforeAll(async () => {
  f = await SignInFixture.start();
  r = await f.vault.replica();
  id = await f.register();
}, 60000);
afterAll(async () => {
  await r.stop();
  await f.stop();
  console.log(out.join('\n'));
});
const st = async (p: Promise<Response>) => {
  const a = await p;
  return `${a.status} ${(await a.text()).slice(0, 160)}`;
};
const at = (origin: string, form: Record<string, string>) =>
  fetch(origin + '/oauth2/token', { method: 'POST', body: new URLSearchParams(form) });
const red = (code: string, c = id) => ({
  grant_type: 'authorization_code',
  client_id: c,
  code,
  redirect_uri: clientRedirect,
  code_verifier: f.verifier,
  resource: f.resource,
});
const ref = (t: string, c = id) => ({
  grant_type: 'refresh_token',
  client_id: c,
  refresh_token: t,
});
async function t(name: string, work: () => Promise<void>) {
  try {
    await work();
  } catch (e) {
    say(name, 'no throw', 'THROW ' + String(e) + String((e as Error).stack).slice(0, 300));
  }
}

test('probes', async () => {
  await t('nul', async () => {
    say(
      'register name NUL',
      '400/201',
      await st(
        f.post('/oauth2/register', { client_name: 'a\u0000b', redirect_uris: [clientRedirect] }),
      ),
    );
    say(
      'register lone surrogate',
      '400/201',
      await st(
        f.post('/oauth2/register', { client_name: 'a\ud800b', redirect_uris: [clientRedirect] }),
      ),
    );
    say(
      'register bidi name',
      '201',
      await st(
        f.post('/oauth2/register', { client_name: 'a\u202Eb', redirect_uris: [clientRedirect] }),
      ),
    );
    for (const over of [
      { state: 'a\u0000b' },
      { client_id: 'a\u0000b' },
      { resource: 'a\u0000b' },
      { scope: 'a\u0000b' },
      { code_challenge: '\u0000' },
      { redirect_uri: 'http://127.0.0.1:9/\u0000' },
    ] as Record<string, string>[])
      say(
        'authorize NUL ' + Object.keys(over)[0],
        '400 or 303',
        await st(fetch(f.authorizeUrl(id, over), { redirect: 'manual' })).then((s) =>
          s.slice(0, 60),
        ),
      );
    say(
      'token client_id NUL',
      '400',
      await st(f.token({ ...red('x'.repeat(43)), client_id: '\u0000' })),
    );
    say('token code NUL', '400', await st(f.token({ ...red('\u0000') })));
    say(
      'revoke NUL',
      '200',
      await st(f.post('/oauth2/revoke', { token: '\u0000', client_id: '\u0000' })),
    );
  });
  await t('double redeem at two replicas', async () => {
    const back = await f.allow('p1', id);
    const code = back.searchParams.get('code') ?? '';
    const a = await Promise.all(
      [f.vault.origin, r.origin, f.vault.origin, r.origin].map((o) => at(o, red(code))),
    );
    say(
      'code at two replicas at once',
      'one 200',
      a.map((x) => x.status),
    );
  });
  await t('refresh race', async () => {
    const tokens = await f.signIn('p2', id);
    const t0 = Date.now();
    const a = await Promise.all(
      Array.from({ length: 24 }, (_, i) =>
        at(i % 2 ? r.origin : f.vault.origin, ref(tokens.refresh_token)),
      ),
    );
    say('24 refreshes at once at two replicas', 'at most one 200, no 503', [
      a.map((x) => x.status),
      Date.now() - t0,
    ]);
    const t1 = Date.now();
    const many = [];
    for (let i = 0; i < 12; i++) many.push(await f.signIn('q' + i, id));
    const t2 = Date.now();
    const b = await Promise.all(many.map((m) => f.refresh(id, m.refresh_token)));
    say('12 sessions refresh at once', 'all 200 fast', [
      b.map((x) => x.status),
      Date.now() - t2,
      t2 - t1,
    ]);
  });
  await t('removed client', async () => {
    const theirs = await f.register({ client_name: 'Gone' });
    const { browser, page } = await f.ask('p3', theirs);
    await f.vault.admin('DELETE', `sign-in-clients/${encodeURIComponent(theirs)}`, {});
    const done = await browser.submit(page, '/sign-in/', { decision: 'allow' });
    const code = done.url.searchParams.get('code');
    say('client removed while page open', 'no code', [
      done.status,
      code ? 'CODE' : 'none',
      code ? await st(f.redeem(theirs, code)) : '',
    ]);
  });
  await t('consent withdrawn before redeem', async () => {
    const back = await f.allow('p4', id);
    await f.vault.database.query(`DELETE FROM client_consent WHERE subject='p4'`);
    say(
      'consent withdrawn between code and redeem',
      '400',
      (await st(f.redeem(id, back.searchParams.get('code') ?? ''))).slice(0, 60),
    );
    const back2 = await f.allow('p5', id);
    await f.vault.put('applications/bl', {
      slug: 'bl',
      issuer: 'corporate',
      clientId: id,
      name: 'Bl',
      trust: 'blocked',
    });
    say(
      'blocked between code and redeem',
      '400',
      (await st(f.redeem(id, back2.searchParams.get('code') ?? ''))).slice(0, 60),
    );
    await f.vault.admin('DELETE', 'applications/bl', {});
  });
  await t('CIMD while off', async () => {
    const seen: string[] = [];
    const { createServer } = await import('node:http');
    const s = createServer((q, a) => {
      seen.push(q.url ?? '');
      a.setHeader('content-type', 'application/json');
      a.end(
        JSON.stringify({
          client_id: `http://127.0.0.1:${port}${q.url}`,
          client_name: 'Doc',
          redirect_uris: ['https://doc.example/cb'],
        }),
      );
    });
    await new Promise<void>((d) => s.listen(0, '127.0.0.1', d));
    const port = (s.address() as { port: number }).port;
    const doc = (n: string) => `http://127.0.0.1:${port}/${n}`;
    await f.vault.put('applications/all', {
      slug: 'all',
      issuer: 'corporate',
      pattern: '*',
      name: 'Ours',
      trust: 'known',
    });
    const { page } = await f.ask('p6', doc('a'), { redirect_uri: 'https://doc.example/cb' });
    say('CIMD client under pattern * known', 'not checked', [
      page.status,
      page.body.includes('Nobody at your organisation has checked'),
      page.body.includes('Checked by your organisation'),
    ]);
    await f.vault.admin('DELETE', 'applications/all', {});
    const { page: p2 } = await f.ask(
      'p6',
      await f.register({ redirect_uris: ['evil-app://localhost/cb'] }),
      { redirect_uri: 'evil-app://localhost/cb' },
    );
    say(
      'private scheme with host localhost',
      'app',
      /It returns to<\/strong>([\s\S]{0,160})/.exec(p2.body)?.[1] ?? p2.body.slice(0, 200),
    );
    for (const u of [
      'search-ms:query',
      'ms-msdt:/id',
      'view-source:https://x/',
      'jar:https://x!/',
      'x-safari-https://e.example/',
      'googlechrome://e.example',
      'intent:x',
      'vbscript:x',
      'JAVASCRIPT:x',
      'https:/\\evil',
      'https://xn--80ak6aa92e.com/cb',
      'web+x://a',
      'ssh://a',
      'microsoft-edge:https://evil.example',
      'https://example.com:443@evil.example',
    ])
      say(
        'register redirect ' + u,
        '?',
        (await f.post('/oauth2/register', { redirect_uris: [u] })).status,
      );
    await f.vault.admin('PATCH', 'upstreams/snowdemo', { consentAtSignIn: null });
    const before = seen.length;
    const a = await fetch(f.authorizeUrl(doc('off'), { redirect_uri: 'https://doc.example/cb' }), {
      redirect: 'manual',
    });
    say('CIMD read while nobody signs in here', '0 requests', [seen.length - before, a.status]);
    await f.vault.admin('PATCH', 'upstreams/snowdemo', { consentAtSignIn: true });
    s.close();
  });
  await t('audit', async () => {
    const [b] = await f.vault.rows('SELECT count(*)::int n FROM audit_event');
    const tk = await f.signIn('p7', id);
    const rows = await f.vault.rows(
      `SELECT action FROM audit_event WHERE actor->>'subject'='p7' ORDER BY 1`,
    );
    say('records of a sign-in', 'incl. token', [rows.map((x) => x['action']), b]);
    await f.refresh(id, tk.refresh_token);
    say(
      'records after refresh',
      'incl. token',
      (
        await f.vault.rows(`SELECT action FROM audit_event WHERE actor->>'subject'='p7' ORDER BY 1`)
      ).map((x) => x['action']),
    );
    await f.post('/oauth2/revoke', { token: tk.access_token, client_id: id });
    say(
      'records after revoke',
      'incl. end',
      (
        await f.vault.rows(`SELECT action FROM audit_event WHERE actor->>'subject'='p7' ORDER BY 1`)
      ).map((x) => x['action']),
    );
  });
  await t('issuer move onto the vault', async () => {
    say(
      'move issuer to own name',
      '422',
      await st(
        f.vault.admin('POST', 'issuers/corporate/move', {
          to: f.vault.origin,
          confirmNewKeys: true,
        }),
      ),
    );
    say(
      'alsoIssuedAs own',
      '422',
      await st(f.vault.admin('PATCH', 'issuers/corporate', { alsoIssuedAs: [f.vault.origin] })),
    );
    say(
      'workload of own issuer',
      '422',
      await st(
        f.vault.admin('PUT', 'machine-clients/w0', {
          slug: 'w0',
          kind: 'service',
          workload: {
            issuer: f.vault.origin,
            subject: 'alice',
            jwksUri: f.vault.origin + '/oauth2/jwks',
          },
        }),
      ),
    );
    say(
      'workload then issuer',
      '422',
      await st(
        f.vault.admin('PUT', 'machine-clients/w1', {
          slug: 'w1',
          kind: 'service',
          workload: { issuer: f.vault.provider.issuer, subject: 'alice' },
        }),
      ),
    );
    say(
      'issuer of a workload',
      '422',
      await st(
        f.vault.admin('PUT', 'issuers/second', {
          slug: 'second',
          issuer: f.vault.provider.issuer,
          login: { clientId: 'a', clientSecret: 'b' },
        }),
      ),
    );
    await f.vault.admin('DELETE', 'issuers/second', {});
    await f.vault.admin('DELETE', 'machine-clients/w1', {});
  });
  await t('tokens', async () => {
    const tk = await f.signIn('p8', id);
    say(
      'minted token as admin token',
      '401/403',
      (
        await st(
          fetch(f.vault.origin + '/admin/v1/issuers', {
            headers: { authorization: `Bearer ${tk.access_token}` },
          }),
        )
      ).slice(0, 90),
    );
    say(
      'minted token at gateway/v1',
      '401',
      (
        await st(
          fetch(f.vault.origin + '/gateway/v1/config', {
            headers: { authorization: `Bearer ${tk.access_token}` },
          }),
        )
      ).slice(0, 90),
    );
    say(
      'refresh token as subject_token',
      '400',
      (await st(f.exchange(tk.refresh_token))).slice(0, 120),
    );
    say('minted token at another upstream', '400', decodeJwt(tk.access_token)['aud']);
    await f.post('/oauth2/revoke', { token: tk.access_token, client_id: id });
    say(
      'revoked access token exchanged',
      '400',
      (await st(f.exchange(tk.access_token))).slice(0, 120),
    );
    say('revoke GET', '404/405', (await f.vault.fetch('/oauth2/revoke')).status);
    say(
      'code in json body',
      '400',
      await st(
        f.post('/oauth2/token', {
          grant_type: 'authorization_code',
          client_id: id,
          code: ['a', 'b'],
        }),
      ),
    );
    say(
      'json proto',
      '400',
      await st(
        f.vault.fetch('/oauth2/token', {
          method: 'POST',
          headers: { 'content-type': 'application/json' },
          body: '{"__proto__":{"a":1},"grant_type":"refresh_token"}',
        }),
      ),
    );
    say(
      'grant_type twice',
      '400',
      await st(
        f.vault.fetch('/oauth2/token', {
          method: 'POST',
          headers: { 'content-type': 'application/x-www-form-urlencoded' },
          body: 'grant_type=refresh_token&grant_type=authorization_code',
        }),
      ),
    );
  });
  await t('crlf', async () => {
    const back = await f.ask('p9', id, { state: 'a\r\nSet-Cookie: x=1' });
    const done = await back.browser.submit(back.page, '/sign-in/', { decision: 'allow' });
    say('state with CRLF', 'encoded', [done.url.search.replace(/code=[^&]+/, 'code'), done.status]);
    const h = await f.vault.fetch('/oauth2/authorize', {
      headers: { 'x-forwarded-host': 'evil.example', host: 'evil.example' },
    });
    say('host poisoning', 'no evil', [(await h.text()).includes('evil.example'), h.status]);
    say(
      'authorize POST',
      '404',
      (await f.vault.fetch('/oauth2/authorize', { method: 'POST' })).status,
    );
    say(
      'authorize HEAD',
      '405',
      (await f.vault.fetch('/oauth2/authorize', { method: 'HEAD' })).status,
    );
    say(
      '4001 char state',
      '400',
      (await fetch(f.authorizeUrl(id, { state: 'x'.repeat(4001) }), { redirect: 'manual' })).status,
    );
  });
  await t('slug reuse', async () => {
    const tk = await f.signIn('p10', id);
    const iss = f.vault.corporate.issuer;
    for (const a of ['assistant']) await f.vault.admin('DELETE', `applications/${a}`, {});
    say('delete issuer', '', await st(f.vault.admin('DELETE', 'issuers/corporate', {})));
    say(
      'other IdP under the same slug',
      '',
      (
        await st(
          f.vault.admin('PUT', 'issuers/corporate', {
            slug: 'corporate',
            issuer: f.vault.provider.issuer,
            login: { clientId: 'a', clientSecret: 'b' },
          }),
        )
      ).slice(0, 80),
    );
    say('old minted token at new issuer of same slug', '400', [
      (await st(f.exchange(tk.access_token))).slice(0, 200),
      iss.length,
    ]);
  });
  const log = f.vault.log.join('');
  say(
    'log 5xx lines',
    'none',
    f.vault.log
      .filter((l) => /"level":50|failed/.test(l))
      .map((l) => l.slice(0, 300))
      .slice(0, 12),
  );
  say('log has code_verifier', 'false', log.includes(f.verifier));
}, 240000);
