import type { BorrowedCredential } from './credentials.js';

type Query = BorrowedCredential['query'];

/** The path and query that go out: with the credential in the place of whatever the caller sent by that name. */
export function withQueryCredential(path: string, query: Query): string {
  if (query === undefined) return path;
  const [name, value] = query;
  const bare = withoutParameter(path, name);
  const pair = `${encodeURIComponent(name)}=${encodeURIComponent(value)}`;
  return `${bare}${bare.includes('?') ? '&' : '?'}${pair}`;
}

/**
 * What comes back, names and values in turn, without the credential: upstreams repeat the address that they were asked by
 * in `Location` and `Link`. A header that says it in any other way is left out.
 */
export function withoutQueryCredential(headers: string[], query: Query): string[] {
  if (query === undefined) return headers;
  const [parameter, value] = query;
  const kept: string[] = [];
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i] ?? '';
    const given = headers[i + 1] ?? '';
    const said = name === 'location' ? withoutParameter(given, parameter) : given;
    if (!repeats(said, value)) kept.push(name, said);
  }
  return kept;
}

/** Names are compared as the most lenient server reads them: decoded, in any case, after `;` too. */
function withoutParameter(address: string, name: string): string {
  const [target = '', ...fragment] = address.split('#');
  const start = target.indexOf('?');
  if (start < 0) return address;
  const isOther = (pair: string) => nameIn(pair) !== name.toLowerCase();
  const rest = target
    .slice(start + 1)
    .split('&')
    .map((pair) => pair.split(';').filter(isOther).join(';'))
    .filter((pair) => pair !== '')
    .join('&');
  const bare = rest === '' ? target.slice(0, start) : `${target.slice(0, start)}?${rest}`;
  return [bare, ...fragment].join('#');
}

function nameIn(pair: string): string {
  return unescaped(pair.split('=', 1)[0]?.replaceAll('+', ' ') ?? '').toLowerCase();
}

function repeats(text: string, value: string): boolean {
  const once = unescaped(text);
  return [text, once, unescaped(once)].some((one) => one.includes(value));
}

/** Percent-decoded as far as it goes; the value is visible ASCII. */
function unescaped(text: string): string {
  return text.replaceAll(/%([2-7][0-9a-f])/gi, (_all, code: string) =>
    String.fromCharCode(Number.parseInt(code, 16)),
  );
}
