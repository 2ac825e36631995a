import { describe, expect, test } from 'vitest';
import { AddressRules } from './address-rules.js';

const production = new AddressRules({
  mode: 'production',
  allow: [
    'https://idp.internal:443',
    'http://mcp.cluster:8080',
    'https://10.0.0.5:8443',
    'http://169.254.169.254:80',
  ],
});
const development = new AddressRules({ mode: 'development', allow: [] });

const refusedEverywhere: [attack: string, url: string, code: string][] = [
  ['not a URL', 'idp.example', 'invalid-url'],
  ['no authority', 'https:idp.example', 'invalid-url'],
  ['empty authority', 'https:///idp.example', 'invalid-url'],
  ['backslash', 'https://idp.example\\@evil.example/', 'invalid-url'],
  ['leading space', ' https://idp.example/', 'invalid-url'],
  ['tab inside', 'https://idp.exa\tmple/', 'invalid-url'],
  ['line end', 'https://idp.example/\r\nX: y', 'invalid-url'],
  ['look-alike letters', 'https://іdp.example/', 'invalid-url'],
  ['percent-encoded host', 'https://%6cocalhost/', 'invalid-url'],
  ['javascript:', 'javascript:alert(1)', 'scheme'],
  ['file:', 'file:///etc/passwd', 'scheme'],
  ['ftp:', 'ftp://idp.example/', 'scheme'],
  ['user@host', 'https://user@idp.example/', 'userinfo'],
  ['user:password@host', 'https://u:p@idp.example/', 'userinfo'],
  ['empty user', 'https://@idp.example/', 'userinfo'],
  ['fragment', 'https://idp.example/#x', 'fragment'],
  ['empty fragment', 'https://idp.example/#', 'fragment'],
  ['localhost.', 'https://localhost./', 'trailing-dot'],
  ['trailing dot', 'https://idp.example./', 'trailing-dot'],
  ['127.1', 'https://127.1/', 'obscured-address'],
  ['2130706433', 'https://2130706433/', 'obscured-address'],
  ['hexadecimal', 'https://0x7f.0.0.1/', 'obscured-address'],
  ['octal', 'https://0177.0.0.1/', 'obscured-address'],
  ['mapped metadata', 'https://[::ffff:169.254.169.254]/', 'forbidden-address'],
  ['metadata', 'http://169.254.169.254/latest/meta-data', 'forbidden-address'],
  ['link-local', 'https://[fe80::1]/', 'forbidden-address'],
  ['NAT64 of loopback', 'https://[64:ff9b::7f00:1]/', 'ip-literal'],
  ['6to4 of loopback', 'https://[2002:7f00:1::]/', 'ip-literal'],
  ['v4-compatible loopback', 'https://[::127.0.0.1]/', 'ip-literal'],
  ['mapped loopback', 'https://[::ffff:127.0.0.1]/', 'ip-literal'],
  ['any-address', 'https://0.0.0.0/', 'ip-literal'],
  ['private literal', 'https://10.0.0.1/', 'ip-literal'],
  ['public literal', 'https://8.8.8.8/', 'ip-literal'],
];

describe('row 33, SSRF by admin URLs', () => {
  test.each(refusedEverywhere)('%s is refused in both modes: %s', (_attack, url, code) => {
    for (const rules of [production, development]) {
      const refusal = rules.checkText(url);
      // Production refuses http before it looks at the host.
      expect([code, 'plain-http']).toContain(refusal?.code);
      expect(refusal?.detail).toMatch(/\w+\.$/);
    }
    expect(development.checkText(url)?.code).toBe(code);
  });

  test.each([
    ['http', 'http://idp.example/', 'plain-http'],
    ['loopback', 'https://127.0.0.1/', 'ip-literal'],
    ['loopback v6', 'https://[::1]/', 'ip-literal'],
    ['localhost', 'https://localhost/', 'special-address'],
    ['a name under localhost', 'https://x.localhost/', 'special-address'],
  ])('%s is refused in production and called in development', (_name, url, code) => {
    expect(production.checkText(url)?.code).toBe(code);
    expect(development.checkText(url)).toBeUndefined();
  });

  test.each([
    'https://idp.example',
    'https://IDP.example:8443/a?b=c',
    'https://xn--dp-8ia.example/',
  ])('%s is called in both', (url) => {
    expect(production.checkText(url)).toBeUndefined();
    expect(development.checkText(url)).toBeUndefined();
  });

  test('one special address among public ones refuses them all', () => {
    const url = new URL('https://idp.example');
    expect(production.checkAddresses(url, ['8.8.8.8', '10.0.0.1'])?.code).toBe('special-address');
    expect(production.checkAddresses(url, ['8.8.8.8', '::1'])?.code).toBe('special-address');
    expect(production.checkAddresses(url, ['8.8.8.8', '169.254.1.1'])?.code).toBe(
      'forbidden-address',
    );
    expect(production.checkAddresses(url, [])?.code).toBe('unresolvable');
    expect(production.checkAddresses(url, ['8.8.8.8', '2606:4700::1111'])).toBeUndefined();
    expect(development.checkAddresses(url, ['10.0.0.1'])?.code).toBe('special-address');
  });
});

describe('what the operator allows', () => {
  test('is exactly that scheme, host and port', () => {
    expect(
      production.checkAddresses(new URL('https://idp.internal/'), ['10.0.0.1']),
    ).toBeUndefined();
    expect(
      production.checkAddresses(new URL('https://idp.internal:444/'), ['10.0.0.1'])?.code,
    ).toBe('special-address');
    expect(production.checkAddresses(new URL('https://x.idp.internal/'), ['10.0.0.1'])?.code).toBe(
      'special-address',
    );
    expect(production.checkText('http://idp.internal:443/')?.code).toBe('plain-http');
    expect(production.checkText('http://mcp.cluster:8080/mcp')).toBeUndefined();
    expect(production.checkText('https://10.0.0.5:8443/')).toBeUndefined();
    expect(production.checkText('https://10.0.0.5/')?.code).toBe('ip-literal');
  });

  test('never opens link-local or metadata', () => {
    expect(production.checkText('http://169.254.169.254/')?.code).toBe('forbidden-address');
    expect(
      production.checkAddresses(new URL('https://idp.internal'), ['169.254.169.254'])?.code,
    ).toBe('forbidden-address');
    expect(
      production.checkAddresses(new URL('https://idp.internal'), ['fd00:ec2::254'])?.code,
    ).toBe('forbidden-address');
  });

  test('never sends plain http to a public address in production', () => {
    expect(
      production.checkAddresses(new URL('http://mcp.cluster:8080'), ['10.1.2.3']),
    ).toBeUndefined();
    expect(production.checkAddresses(new URL('http://mcp.cluster:8080'), ['8.8.8.8'])?.code).toBe(
      'plain-http',
    );
  });

  test.each([
    'idp.internal',
    'https://idp.internal',
    'https://idp.internal:443/',
    'ftp://x:21',
    'https://u@x:1',
    '*:443',
    'https://127.1:443',
  ])('is a configuration error as %j', (entry) => {
    expect(() => new AddressRules({ mode: 'production', allow: [entry] })).toThrow(
      'scheme://host:port',
    );
  });
});
