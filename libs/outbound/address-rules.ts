import { isIP } from 'node:net';
import { addressKind, type AddressKind } from './special-addresses.js';

export type UrlRefusalCode =
  | 'invalid-url'
  | 'scheme'
  | 'userinfo'
  | 'fragment'
  | 'trailing-dot'
  | 'obscured-address'
  | 'ip-literal'
  | 'special-address'
  | 'forbidden-address'
  | 'plain-http'
  | 'unresolvable';

/** Why an address may not be called; `detail` is a public sentence that says what to do. */
export interface UrlRefusal {
  readonly code: UrlRefusalCode;
  readonly detail: string;
}

export interface AddressRulesOptions {
  /** `production`: https and public addresses. `development`: http and loopback as well. */
  readonly mode: 'production' | 'development';
  /** Exceptions of the operator, each exactly `scheme://host:port`. They open private addresses, never link-local or metadata. */
  readonly allow: readonly string[];
}

/** Which addresses may be called: decided on the URL's text first, on the resolved addresses afterwards. */
export class AddressRules {
  readonly #development: boolean;
  readonly #allowed: ReadonlySet<string>;

  /** Throws when an entry of `allow` is not `scheme://host:port`. */
  constructor({ mode, allow }: AddressRulesOptions) {
    this.#development = mode === 'development';
    this.#allowed = new Set(allow.map(allowedOrigin));
  }

  /** Everything that can be said without DNS. */
  checkText(text: string): UrlRefusal | undefined {
    const url = parse(text);
    if (url === undefined) return refusals['invalid-url'];
    return checkForm(url, text) ?? this.#checkScheme(url) ?? this.#checkHost(url);
  }

  /** `addresses` are what the host resolved to; one bad one is enough. */
  checkAddresses(url: URL, addresses: readonly string[]): UrlRefusal | undefined {
    if (addresses.length === 0) return refusals.unresolvable;
    const kinds = addresses.map(addressKind);
    if (kinds.includes('forbidden')) return refusals['forbidden-address'];
    if (!kinds.every((kind) => this.#mayReach(url, kind))) return refusals['special-address'];
    const leavesInPlain =
      url.protocol === 'http:' && !this.#development && kinds.includes('public');
    return leavesInPlain ? refusals['plain-http'] : undefined;
  }

  #checkScheme(url: URL): UrlRefusal | undefined {
    if (url.protocol === 'https:') return undefined;
    if (url.protocol === 'http:' && (this.#development || this.#isAllowed(url))) return undefined;
    return url.protocol === 'http:' ? refusals['plain-http'] : refusals.scheme;
  }

  #checkHost(url: URL): UrlRefusal | undefined {
    const host = bareHost(url);
    if (isIP(host) === 0) {
      const local = host === 'localhost' || host.endsWith('.localhost');
      return local && !this.#mayReach(url, 'loopback') ? refusals['special-address'] : undefined;
    }
    const kind = addressKind(host);
    if (kind === 'forbidden') return refusals['forbidden-address'];
    if (kind === 'public' && !this.#isAllowed(url)) return refusals['ip-literal'];
    return this.#mayReach(url, kind) ? this.checkAddresses(url, [host]) : refusals['ip-literal'];
  }

  #mayReach(url: URL, kind: AddressKind): boolean {
    return kind === 'public' || (kind === 'loopback' && this.#development) || this.#isAllowed(url);
  }

  #isAllowed(url: URL): boolean {
    return this.#allowed.has(originWithPort(url));
  }
}

/** The host as DNS and sockets take it: IPv6 literals without their brackets. */
export function bareHost(url: URL): string {
  return url.hostname.startsWith('[') ? url.hostname.slice(1, -1) : url.hostname;
}

// WHATWG parsing drops tabs, line ends and outer spaces and turns backslashes into slashes: what the
// admin reads would not be what is called.
const printableAscii = /^[\x21-\x5b\x5d-\x7e]+$/;

function parse(text: string): URL | undefined {
  if (!printableAscii.test(text) || !/^[a-z][a-z0-9+.-]*:/i.test(text)) return undefined;
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const web = url?.protocol === 'http:' || url?.protocol === 'https:';
  return web && !/^https?:\/\/[^/]/i.test(text) ? undefined : url;
}

function checkForm(url: URL, text: string): UrlRefusal | undefined {
  if (url.protocol !== 'https:' && url.protocol !== 'http:') return refusals.scheme;
  const authority = text.replace(/^[^/]*\/\//, '').split(/[/?#]/, 1)[0] ?? '';
  if (authority.includes('@')) return refusals.userinfo;
  if (text.includes('#')) return refusals.fragment;
  if (url.hostname.endsWith('.')) return refusals['trailing-dot'];
  const written = authority.replace(/:\d*$/, '').toLowerCase();
  const isLiteral = isIP(bareHost(url)) !== 0;
  const sameAddress = isLiteral && addressText(written) === url.hostname;
  // 127.1, 2130706433 and 0x7f.1 all are 127.0.0.1: an address is written in full or not at all.
  if (isLiteral && !sameAddress) return refusals['obscured-address'];
  return !isLiteral && written !== url.hostname ? refusals['invalid-url'] : undefined;
}

/** The canonical form of a plainly written literal; undefined for any other spelling. */
function addressText(written: string): string | undefined {
  if (isIP(written) === 4) return written;
  const inner = /^\[([0-9a-f:.]+)\]$/.exec(written)?.[1];
  return inner === undefined || isIP(inner) !== 6
    ? undefined
    : new URL(`http://[${inner}]`).hostname;
}

function originWithPort(url: URL): string {
  const port = url.port || (url.protocol === 'https:' ? '443' : '80');
  return `${url.protocol}//${url.hostname}:${port}`;
}

function allowedOrigin(entry: string): string {
  const url = parse(entry);
  const exact =
    url !== undefined &&
    /^https?:\/\/[^/?#@]+:\d+$/i.test(entry) &&
    checkForm(url, entry) === undefined;
  if (!exact)
    throw new Error(
      `${JSON.stringify(entry)} is not scheme://host:port, such as https://idp.internal:443`,
    );
  return originWithPort(url);
}

const texts: Record<UrlRefusalCode, string> = {
  'invalid-url':
    'This is not an absolute URL in plain ASCII. Write it as https://host/path; a name in another script in its xn-- form.',
  scheme: 'Only https is called. Use the https:// address.',
  'plain-http':
    'Plain http is not called here. Use the https:// address, or have the operator name this private scheme://host:port in SYMBOLON_OUTBOUND_ALLOW.',
  userinfo:
    'Remove the user name and password before the @; credentials belong in their own fields.',
  fragment: 'Remove the part from # on; it is never sent to a server.',
  'trailing-dot': 'Remove the dot at the end of the host name.',
  'obscured-address':
    'The host is an address in an abbreviated or numeric spelling. Use the host name.',
  'ip-literal':
    'Addresses are not called by number. Use the host name, or have the operator name this scheme://host:port in SYMBOLON_OUTBOUND_ALLOW.',
  'special-address':
    'The host is, or resolves to, an address that is not public. Use a public host, or have the operator name this scheme://host:port in SYMBOLON_OUTBOUND_ALLOW.',
  'forbidden-address':
    'The host is, or resolves to, a link-local, metadata or multicast address. These are never called.',
  unresolvable: 'The host name does not resolve. Check its spelling and the DNS of this server.',
};

const refusals = Object.fromEntries(
  Object.entries(texts).map(([code, detail]) => [code, { code, detail }]),
) as Record<UrlRefusalCode, UrlRefusal>;
