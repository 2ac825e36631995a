import type { Patch } from './patch.js';

const connect = 'apps/vault/src/connect';
const sessions = 'apps/vault/src/sessions';
const provider = 'apps/vault/src/providers/openid-provider';

const browserFlow = `${connect}/browser-flow.spec.ts`;
const providerAttacks = `${connect}/provider-attacks.spec.ts`;
const callback = `${connect}/callback.spec.ts`;
const login = `${sessions}/login.spec.ts`;

const mintsAState = `
  INSERT INTO upstream_authorization (state_hash, interaction_id, interaction_version, oauth_client_id,
    session_hash, browser_hash, pkce_verifier, scopes, expires_at)
  VALUES (sha256(random()::text::bytea), $1, 1, $2, '', '', '', '{}', now())`.replaceAll('\n', '');

/** What stands between a browser and the vault: rows 1 to 18. */
export const browserPatches: readonly Patch[] = [
  {
    name: 'skip the person compare at connect',
    row: '1, somebody else opens the link',
    file: `${connect}/consent-requests.ts`,
    find: '!isSamePerson(person, interaction)',
    replace: 'false',
    spec: browserFlow,
    test: 'Bob at the link of Alice sees what an unknown link shows',
  },
  {
    name: 'compare people without regard to case and blanks',
    row: '1, somebody else opens the link',
    file: `${sessions}/web-session.ts`,
    find: 'one.subject === other.subject',
    replace: 'one.subject.trim().toLowerCase() === other.subject.trim().toLowerCase()',
    spec: browserFlow,
    test: 'people who differ in letter case or a space are not the same person',
  },
  {
    name: 'skip the person compare at the callback',
    row: '1, somebody else opens the link',
    file: `${connect}/receive-callback.ts`,
    find: '!isSamePerson(session, authorization)',
    replace: 'false',
    spec: browserFlow,
    test: 'Bob with every cookie of Alice but his own session: 403',
  },
  {
    name: 'skip the session compare at the callback',
    row: '1, somebody else opens the link',
    file: `${connect}/receive-callback.ts`,
    find: '!session.hash.equals(authorization.sessionHash)',
    replace: 'false',
    spec: callback,
    test: 'the same person in a session that did not begin the trip: 400',
  },
  {
    name: 'skip the state-cookie compare',
    row: '2, login CSRF',
    file: `${connect}/receive-callback.ts`,
    find: '!isSameBrowser(authorization)',
    replace: 'false',
    spec: callback,
    test: 'another browser, which has the session but not the cookie of the trip',
  },
  {
    name: 'skip the cookie compare at login',
    row: '2, login CSRF',
    file: `${sessions}/finish-login.ts`,
    find: '!callback.isSameBrowser(attempt)',
    replace: 'false',
    spec: login,
    test: 'the cookie of another sign-in does not do',
  },
  {
    name: 'send no nonce to the login',
    row: '2, login CSRF',
    file: `${sessions}/corporate-idp.ts`,
    find: '      nonce: checks.nonce,',
    replace: '',
    spec: login,
    test: 'state, nonce and PKCE go with every sign-in, fresh each time',
  },
  {
    name: 'keep the session from before the login',
    row: '3, session fixation',
    file: `${sessions}/finish-login.ts`,
    find: 'if (previousSession) await this.stores.sessions.remove(tx, previousSession);',
    replace: '',
    spec: login,
    test: 'signing in again ends the session before',
  },
  {
    name: 'mint state before consent',
    row: '4, consent bypass',
    file: `${connect}/connect.controller.ts`,
    find: 'await sendPage(reply, await this.pages.of(found, session, wishes));',
    replace: `await this.interactions['database'].query("${mintsAState}", [found.interaction.id, found.oauthClient.id]); await sendPage(reply, await this.pages.of(found, session, wishes));`,
    spec: browserFlow,
    test: 'GET connect writes no state row and redirects nowhere',
  },
  {
    name: 'begin a trip where none was allowed',
    row: '4, consent bypass',
    file: `${connect}/consent.controller.ts`,
    find: 'if (!url) return seeOther(reply, `/requests/${id}`);',
    replace:
      "if (!url) return seeOther(reply, await this.#allow({ ...found, form: { decision: 'allow', version: consent.interaction.version }, request, reply }));",
    spec: `${connect}/consent-bypass.spec.ts`,
    test: 'the way to the provider, which nobody allowed, writes no state row and leads back',
  },
  {
    name: 'skip the synchroniser token',
    row: '5, cross-site request forgery',
    file: `${sessions}/csrf.guard.ts`,
    find: '!isOurs',
    replace: 'false',
    spec: browserFlow,
    test: 'row 5, CSRF the token of another session: 403',
  },
  {
    name: 'skip Origin and Sec-Fetch-Site',
    row: '5, cross-site request forgery',
    file: `${sessions}/csrf.guard.ts`,
    find: '!this.#isFromHere(request)',
    replace: 'false',
    spec: browserFlow,
    test: 'row 5, CSRF a foreign Origin: 403, nothing done',
  },
  {
    name: 'skip iss',
    row: '9, mix-up of providers',
    file: `${provider}.ts`,
    find: "if (!this.#knowsIssuer) current.searchParams.delete('iss');",
    replace: "current.searchParams.set('iss', (await this.parts.metadata.read()).issuer);",
    spec: providerAttacks,
    test: 'row 9, mix-up a wrong iss: 400, 0 token calls',
  },
  {
    name: 'take a state at the callback of another oauth client',
    row: '9, mix-up of providers',
    file: `${connect}/receive-callback.ts`,
    find: 'oauthClient?.id !== authorization.oauthClientId',
    replace: 'false',
    spec: providerAttacks,
    test: 'row 9, mix-up the state of one oauth client on the callback of another',
  },
  {
    name: 'no PKCE at the provider',
    row: '11, code injection',
    file: 'apps/vault/src/providers/authorization-parameters.ts',
    find: 'code_challenge: await calculatePKCECodeChallenge(verifier),',
    replace: '',
    spec: `${provider}.spec.ts`,
    test: 'row 11: a foreign code fails at its verifier',
  },
  {
    name: 'let a state be used twice',
    row: '12, state replay',
    file: `${connect}/postgres-authorization-store.ts`,
    find: 'a.used_at IS NULL AND a.expires_at > now() AND i.id',
    replace: 'a.expires_at > now() AND i.id',
    spec: providerAttacks,
    test: 'row 12, state replay: 20 parallel callbacks are 1 token call',
  },
  {
    name: 'connect whichever account came back',
    row: '13, another upstream account',
    file: `${connect}/receive-callback.ts`,
    find: 'held && isOtherAccount(held, account?.subject)',
    replace: 'false',
    spec: `${connect}/consent.spec.ts`,
    test: 'row 13: another upstream account the old grant is intact until it is confirmed',
  },
  {
    name: 'let our pages stand in frames',
    row: '6, clickjacking',
    file: 'apps/vault/src/web/page-headers.ts',
    find: "; frame-ancestors 'none'",
    replace: '',
    spec: browserFlow,
    test: '/connections (200) carries the headers of every page',
  },
];
