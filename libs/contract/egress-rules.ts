import { z } from 'zod';
import { isNeverReturned, isNeverSent } from './passed-headers.js';

// RFC 9110 §5.6.2; CONNECT opens tunnels and TRACE would show the injected credential.
const method = z
  .string()
  .max(40)
  .regex(/^[A-Z][A-Z0-9!#$%&'*+.^_`|~-]*$/, {
    message: 'must be a method in upper case, such as GET',
  })
  .refine((name) => name !== 'TRACE' && name !== 'CONNECT', {
    message: 'is never passed on: remove it',
  });

const path = z
  .string()
  .max(500)
  .superRefine((value, context) => {
    const message = pathFault(value);
    if (message !== undefined) context.addIssue({ code: 'custom', message });
  });

/** What is wrong with a path of the allow-list; undefined where nothing is. */
function pathFault(value: string): string | undefined {
  if (!value.startsWith('/')) return 'must begin with /: it counts from the url of the upstream';
  if (/[?#]/.test(value)) return 'must be a path without ? and #: queries always pass';
  if (/[%\\\s]/.test(value)) return 'must be written without percent-encoding, blanks and \\';
  const segments = value.slice(1).split('/');
  if (segments.slice(0, -1).includes('')) return 'must have no empty segment';
  if (segments.some((segment) => segment === '.' || segment === '..'))
    return 'must have no dot segment';
  if (segments.slice(0, -1).includes('**')) return 'must have ** as its last segment only';
  if (segments.some((segment) => segment.includes('*') && segment !== '*' && segment !== '**'))
    return 'must have * alone between slashes: it stands for one whole segment, ** for any rest';
  return undefined;
}

function header(never: (name: string) => boolean, message: string) {
  return z
    .string()
    .toLowerCase()
    .regex(/^[a-z0-9!#$%&'*+.^_`|~-]{1,100}$/, { message: 'must be the name of a header' })
    .refine((name) => !never(name), { message });
}

/** What `/http/{upstream}` lets through, beside what no caller may ever send. Left out: everything. */
export const egressRules = z.strictObject({
  /** Methods, in upper case. */
  methods: z.array(method).min(1).max(50).optional(),
  /** Paths below the upstream's URL; `*` is one segment, `**` any rest. */
  paths: z.array(path).min(1).max(200).optional(),
  /** Request headers that pass, by lower-case name. Left out: all that are not refused by name. */
  requestHeaders: z
    .array(header(isNeverSent, 'never reaches an upstream, listed or not: remove it'))
    .max(100)
    .optional(),
  /** Response headers that come back beside those that say how the body is to be read. */
  responseHeaders: z
    .array(header(isNeverReturned, 'never reaches a caller, listed or not: remove it'))
    .max(100)
    .optional(),
  /** Whether WebSocket connections pass. Left out: they are refused. */
  webSocket: z.boolean().optional(),
});

const texts = z.array(z.string()).optional();

/** The same as a gateway takes it from its vault: judged there, and what can never pass does not pass here either. */
export const egressConfig = z.strictObject({
  methods: texts,
  paths: texts,
  requestHeaders: texts,
  responseHeaders: texts,
  webSocket: z.boolean().optional(),
});
export type EgressConfig = z.output<typeof egressConfig>;

const count = z.number().int().min(1).max(1_000_000_000);

/** Kept in one gateway's memory, per process. */
export const upstreamLimits = z.strictObject({
  /** Calls of one person in any minute. */
  personPerMinute: count.optional(),
  /** Calls of everybody in any minute. */
  perMinute: count.optional(),
  /** Event streams and WebSockets of one person at once. */
  personStreams: count.optional(),
  /** Event streams and WebSockets of everybody at once. */
  streams: count.optional(),
  /** Of a request's body. */
  bodyBytes: z.number().int().min(1).max(1_000_000_000_000).optional(),
  /** Of a request's header fields together. */
  headerBytes: z.number().int().min(256).max(16_384).optional(),
  /** Of one message of an MCP server at `/mcp`, where it is read whole. Left out: 16 MiB. */
  messageBytes: z.number().int().min(1024).max(67_108_864).optional(),
});
