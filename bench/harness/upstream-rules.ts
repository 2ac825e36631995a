import type { UpstreamConfig } from '#lib/contract/config-snapshot';

/** What the tokens of SigningIssuer carry. */
const access: UpstreamConfig['access'] = {
  scopes: ['tools'],
  claims: { groups: { includes: 'engineering' } },
};

/** Never reached here: counting is what costs. */
const limits: UpstreamConfig['limits'] = {
  ...{ personPerMinute: 1_000_000_000, perMinute: 1_000_000_000, personStreams: 100 },
  ...{ bodyBytes: 1_000_000, headerBytes: 16_384 },
};

/** Of which a call to `/items/1024` needs the last path and some of the headers. */
const egress: UpstreamConfig['egress'] = {
  methods: ['GET', 'POST'],
  paths: ['/reports/**', '/people/*', '/items/*'],
  requestHeaders: ['accept', 'content-type', 'x-request-id'],
  responseHeaders: ['content-type', 'etag', 'x-page'],
};

/** Rules of an upstream that let those who are measured pass. */
export const upstreamRules = { access, limits, egress };
