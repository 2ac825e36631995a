import { accessRule } from '#lib/contract/config-snapshot';
import { egressRules, upstreamLimits } from '#lib/contract/egress-rules';
import { toolChanges } from '#lib/contract/tool-policy';
import { isExtraHeader, isHeaderText } from '#lib/contract/extra-headers';
import { z } from 'zod';
import { displayName, slug, webUrl } from './names.js';
import { credential, serviceCredential } from './upstream-credential.js';
import { prefix, toolPolicy } from './upstream-tools.js';

const forbiddenHeaders = new Set([
  'cookie',
  'host',
  'connection',
  'transfer-encoding',
  'content-length',
  'content-type',
  'expect',
  'keep-alive',
  'proxy-connection',
  'te',
  'trailer',
  'upgrade',
]);

const inject = z.strictObject({
  header: z
    .string()
    .regex(/^[A-Za-z][A-Za-z0-9-]{0,60}$/)
    .refine((name) => !forbiddenHeaders.has(name.toLowerCase()), {
      message: 'cannot carry a credential',
    })
    .default('Authorization'),
  scheme: z
    .string()
    .regex(/^[A-Za-z0-9._-]{0,30}$/)
    .default('Bearer'),
  /** A parameter of the query instead of a header, for what knows nothing else: addresses are logged in many places. */
  query: z
    .string()
    .regex(/^[A-Za-z0-9._-]{1,60}$/)
    .optional(),
  /** What the API wants of every call beside the token; `{grant.name}` is what its provider told of the connection. */
  extra: z
    .record(
      z.string().refine(isExtraHeader, { message: 'cannot be set for an upstream' }),
      z.string().refine(isHeaderText, { message: 'must be one line of visible ASCII' }),
    )
    .optional(),
});

// What says who calls, how the request came, how a message is framed, or what the protocols mean by it.
const takenHeaders =
  /^(?:authorization|accept.*|access-control-.*|baggage|cache-control|content-.*|date|dpop|forwarded|if-.*|last-event-id|mcp-.*|origin|proxy-.*|range|referer|sec-.*|set-cookie2?|trace.*|user-agent|via|x-forwarded-.*|x-real-ip|x-request-id)$/i;

const callerHeader = z
  .string()
  .regex(/^[A-Za-z][A-Za-z0-9-]{0,60}$/)
  .refine((name) => !forbiddenHeaders.has(name.toLowerCase()) && !takenHeaders.test(name), {
    message: 'cannot carry a credential of the caller: take a name such as X-Upstream-Token',
  });

/** How a credential stands in a request; where nothing else is said, as RFC 6750 §2.1 has it. */
export const bearer: z.output<typeof inject> = { header: 'Authorization', scheme: 'Bearer' };

/** `upstreams`: an MCP server or HTTP API that callers reach through the gateway. */
export const upstream = z.strictObject({
  slug,
  name: displayName,
  type: z.enum(['mcp', 'http']),
  url: webUrl,
  access: accessRule.default({ scopes: [], claims: {} }),
  credential,
  /** Left out, the template of its oauth client decides. */
  inject: inject.optional(),
  prefix: prefix.optional(),
  tools: toolPolicy.optional(),
  toolChanges: toolChanges.optional(),
  /** For lists before a person has consented. */
  discoveryCredential: serviceCredential.optional(),
  /** For public tools: what a caller without a token is served with. */
  publicCredential: serviceCredential.optional(),
  callerHeader: callerHeader.optional(),
  egress: egressRules.optional(),
  limits: upstreamLimits.optional(),
  consentAtSignIn: z.boolean().optional(),
  timeoutMs: z.number().int().min(100).max(600_000).default(60_000),
});
/** As it is stored. */
export type UpstreamDocument = z.output<typeof upstream>;
export type Upstream = UpstreamDocument & { readonly inject: z.output<typeof inject> };
