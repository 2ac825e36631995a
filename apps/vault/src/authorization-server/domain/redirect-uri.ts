const maxLength = 2_000;
const loopbackHosts = new Set(['127.0.0.1', '[::1]', 'localhost']);
// Schemes that a browser acts on itself, and those that lead to files and mail: no app of a person listens there.
const browserSchemes =
  /^(?:javascript|data|blob|file|filesystem|about|view-source|vbscript|ftp|ws|wss|mailto|tel|sms|intent|chrome|edge|resource|moz-extension|chrome-extension|jar|ssh|telnet|ldaps?|smb|nfs):$/;
// Those that hand an address on to a browser, where the answer would be a website's, or start what the system brings.
const systemSchemes =
  /^(?:microsoft-edge.*|googlechromes?|x-safari-.*|firefox.*|opera-.*|brave|vivaldi|ms-.*|search(?:-ms)?|x-apple.*|itms.*|android-app):$/;

/** Where an answer goes, as a person reads it. */
export type RedirectTarget =
  | { readonly kind: 'web'; readonly host: string }
  | { readonly kind: 'this-computer'; readonly host: string }
  | { readonly kind: 'app'; readonly scheme: string };

/**
 * Whether a client may register it: https, http to the person's own computer (RFC 8252 §7.3), or a private-use scheme
 * (§7.1); no fragment (RFC 6749 §3.1.2), no userinfo, nothing that a browser runs.
 */
export function isRedirectUri(uri: string): boolean {
  if (uri.length > maxLength || !/^[\x21-\x7e]+$/.test(uri) || !URL.canParse(uri)) return false;
  const { protocol, hostname, hash, username, password } = new URL(uri);
  if (hash !== '' || uri.includes('#') || username !== '' || password !== '') return false;
  // Both are read as something else by one program or another.
  if (/[\\<>"]/.test(uri)) return false;
  if (protocol === 'https:') return true;
  if (protocol === 'http:') return loopbackHosts.has(hostname);
  return isPrivateUse(protocol);
}

function isPrivateUse(protocol: string): boolean {
  const isTaken = browserSchemes.test(protocol) || systemSchemes.test(protocol);
  return /^[a-z][a-z0-9+.-]{2,60}:$/.test(protocol) && !isTaken;
}

export function redirectTarget(uri: string): RedirectTarget {
  const { protocol, host, hostname } = new URL(uri);
  // What opens a link of another scheme does as it likes with the host in it.
  if (!/^https?:$/.test(protocol)) return { kind: 'app', scheme: protocol.slice(0, -1) };
  return { kind: loopbackHosts.has(hostname) ? 'this-computer' : 'web', host };
}

/** Byte by byte; only the port of a loopback URI is free (RFC 8252 §7.3). */
export function isRegistered(uri: string, registered: readonly string[]): boolean {
  if (!isRedirectUri(uri)) return false;
  return registered.some((one) => one === uri || isSameButForPort(uri, one));
}

const loopback = /^(http:\/\/(?:127\.0\.0\.1|\[::1\]|localhost))(?::\d{1,5})?(\/[^#]*)?$/;

function isSameButForPort(uri: string, registered: string): boolean {
  const given = loopback.exec(uri);
  const known = loopback.exec(registered);
  return given !== null && known !== null && given[1] === known[1] && given[2] === known[2];
}
