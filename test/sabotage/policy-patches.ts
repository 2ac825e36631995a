import type { Patch } from './patch.js';

const mcp = 'apps/gateway/src/mcp';
const policy = `${mcp}/tool-policy.spec.ts`;
const open = `${mcp}/public-tools.spec.ts`;
const attacks = `${mcp}/attacks.spec.ts`;
const lists = `${mcp}/tool-lists.spec.ts`;

/** Who may use which tool. */
export const policyPatches: readonly Patch[] = [
  {
    name: 'let a name in other letters round a rule',
    row: '24, names that are not what they seem',
    file: 'libs/access/tool-rules.ts',
    find: 'return strictest ?? decision;',
    replace: 'return strictest === undefined ? decision : decision;',
    spec: policy,
    test: 'rule evasion: another case does not get round a rule',
  },
  {
    name: 'say that a hidden tool is hidden',
    row: '14, guessing',
    file: `${mcp}/decoy.ts`,
    find: 'return { isPublic, scopes: upstreamScopes, decoy: newDecoy() };',
    replace: 'return { isPublic, scopes: upstreamScopes };',
    spec: policy,
    test: 'hidden-tool probing: what is hidden answers exactly as what does not exist',
  },
  {
    name: 'take a token that does not count for nobody’s',
    row: '27, a present but invalid token',
    file: `${mcp}/mcp-route.ts`,
    find: "admission.ok || admission.code !== 'unauthenticated'",
    replace: 'admission.ok',
    spec: open,
    test: 'a token that does not count is 401, never anonymous',
  },
  {
    name: 'carry an anonymous session over under one nonce',
    row: '3, session fixation',
    file: `${mcp}/legacy-session.ts`,
    find: 'return { ...session, issuer, subject, application, nonce };',
    replace: 'return { ...session, issuer, subject, application, nonce: nonce && session.nonce };',
    spec: open,
    test: 'session fixation: two people with one anonymous id meet nowhere',
  },
  {
    name: 'hand on a list that cannot be judged',
    row: '22, what passes back',
    file: `${mcp}/rewrite-stream.ts`,
    find: "if (rewritten === undefined) return '';",
    replace: 'if (rewritten === undefined) return event;',
    spec: lists,
    test: 'filter evasion by an odd server: what only some read as JSON is not handed on',
  },
  {
    name: 'pass a call on that has no id',
    row: '24, names that are not what they seem',
    file: `${mcp}/decide-call.ts`,
    find: "if (method.startsWith('notifications/')) return undefined;",
    replace: "if (method !== '') return undefined;",
    spec: attacks,
    test: 'tools/call without an id is no notification: it is refused and never heard',
  },
  {
    name: 'take Method and Name for other members',
    row: '24, names that are not what they seem',
    file: `${mcp}/json-scan.ts`,
    find: 'const known = isOfMessage || isParams ? folded(name) : name;',
    replace: 'const known = isOfMessage && isParams ? folded(name) : name;',
    spec: attacks,
    test: 'a second name for decoders that do not care for case is refused',
  },
  {
    name: 'put the decoy where a name asks for it',
    row: '14, guessing',
    file: `${mcp}/decoy.ts`,
    find: 'json.replaceAll(decoy, () => name);',
    replace: 'json.replaceAll(decoy, name);',
    spec: attacks,
    test: 'answers as what does not exist, to the last header',
  },
  {
    name: 'use one account’s session with a token that was brought',
    row: '3, session fixation',
    file: `${mcp}/upstream-sessions.ts`,
    find: 'known !== undefined && known.account === account',
    replace: 'known !== undefined',
    spec: attacks,
    test: 'session confusion: what one account’s session knew is not for a token that was brought',
  },
];
