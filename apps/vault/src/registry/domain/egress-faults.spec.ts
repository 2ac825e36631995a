import { describe, expect, test } from 'vitest';
import { egressFaults } from './egress-faults.js';
import { explainIssues } from './explain-issues.js';
import { upstream } from './upstream.js';

const body = {
  slug: 'reports',
  name: 'Reports',
  type: 'http',
  url: 'https://api.example/v1',
  credential: { type: 'none' },
};

/** As the API answers them. */
function faults(members: object): string[] {
  const document = { ...body, ...members };
  const parsed = upstream.safeParse(document);
  const found = parsed.success
    ? egressFaults(parsed.data)
    : explainIssues(parsed.error.issues, document);
  return found.map(({ pointer, detail }) => `${pointer} ${detail}`);
}

describe('egress rules of an upstream', () => {
  test('are kept as they were written, header names in lower case', () => {
    const egress = {
      methods: ['GET', 'PROPFIND', 'X-MOVE'],
      paths: ['/', '/v1/items', '/v1/items/*', '/v1/files/**', '/**', '/Ärger/ü'],
      requestHeaders: ['Accept', 'X-Tenant', 'Destination'],
      responseHeaders: ['ETag', 'X-Total-Count'],
      webSocket: true,
    };
    expect(upstream.parse({ ...body, egress }).egress).toEqual({
      ...egress,
      requestHeaders: ['accept', 'x-tenant', 'destination'],
      responseHeaders: ['etag', 'x-total-count'],
    });
  });

  test.each([
    [{ methods: ['get'] }, '/egress/methods/0 Must be a method in upper case, such as GET.'],
    [{ methods: ['GE T'] }, '/egress/methods/0 Must be a method in upper case, such as GET.'],
    [{ methods: ['GET', 'TRACE'] }, '/egress/methods/1 Is never passed on: remove it.'],
    [{ methods: ['CONNECT'] }, '/egress/methods/0 Is never passed on: remove it.'],
    [{ methods: [] }, '/egress/methods Must have at least 1 entries.'],
    [
      { paths: ['v1'] },
      '/egress/paths/0 Must begin with /: it counts from the url of the upstream.',
    ],
    [
      { paths: ['/v1?x=1'] },
      '/egress/paths/0 Must be a path without ? and #: queries always pass.',
    ],
    [{ paths: ['/v1//x'] }, '/egress/paths/0 Must have no empty segment.'],
    [{ paths: ['/v1/../x'] }, '/egress/paths/0 Must have no dot segment.'],
    [
      { paths: ['/a%2Fb'] },
      '/egress/paths/0 Must be written without percent-encoding, blanks and \\.',
    ],
    [{ paths: ['/**/x'] }, '/egress/paths/0 Must have ** as its last segment only.'],
    [
      { paths: ['/report-*.pdf'] },
      '/egress/paths/0 Must have * alone between slashes: it stands for one whole segment, ** for any rest.',
    ],
    [{ requestHeaders: ['a b'] }, '/egress/requestHeaders/0 Must be the name of a header.'],
    [{ webSocket: 'yes' }, '/egress/webSocket Must be a boolean.'],
    [{ cookies: true }, '/egress/cookies There is no such field. Remove it or correct its name.'],
    [
      { webSocket: true, methods: ['POST'] },
      '/egress/methods A WebSocket begins with GET. Add it, or leave webSocket out.',
    ],
  ])('%j is refused and says what to do', (egress, answer) => {
    expect(faults({ egress })).toEqual([answer]);
  });

  test.each([
    'Authorization',
    'cookie',
    'Host',
    'Connection',
    'Transfer-Encoding',
    'Content-Length',
    'Proxy-Authorization',
    'X-Forwarded-For',
    'X-Auth-Token',
    'x_real_ip',
    'Sec-WebSocket-Key',
    'Origin',
  ])('row 21, no list lets %s through to an upstream', (name) => {
    expect(faults({ egress: { requestHeaders: [name] } })).toEqual([
      '/egress/requestHeaders/0 Never reaches an upstream, listed or not: remove it.',
    ]);
  });

  test.each([
    'Set-Cookie',
    'WWW-Authenticate',
    'Access-Control-Allow-Origin',
    'Strict-Transport-Security',
    'Content-Security-Policy',
    'Clear-Site-Data',
    'X-Accel-Redirect',
    'Location',
    'Transfer-Encoding',
  ])('row 22, no list lets %s through to a caller', (name) => {
    expect(faults({ egress: { responseHeaders: [name] } })).toEqual([
      '/egress/responseHeaders/0 Never reaches a caller, listed or not: remove it.',
    ]);
  });

  test('are refused at an MCP server, where they would do nothing', () => {
    expect(faults({ type: 'mcp', egress: { methods: ['GET'] } })).toEqual([
      '/egress These rules are for HTTP APIs. Rule an MCP server by tools and limits.',
    ]);
  });
});

describe('limits of an upstream', () => {
  test.each([
    [{ personPerMinute: 0 }, '/limits/personPerMinute Must have at least 1.'],
    [{ perMinute: 1.5 }, '/limits/perMinute Must be an int.'],
    [{ headerBytes: 100 }, '/limits/headerBytes Must have at least 256.'],
    [{ headerBytes: 100_000 }, '/limits/headerBytes Must have at most 16384.'],
    [{ perHour: 3 }, '/limits/perHour There is no such field. Remove it or correct its name.'],
  ])('%j is refused and says what to do', (limits, answer) => {
    expect(faults({ limits })).toEqual([answer]);
  });
});
