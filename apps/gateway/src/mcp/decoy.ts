import { Readable } from 'node:stream';
import { randomBytes } from 'node:crypto';
import type { CallResponse } from '../connection/exchange.js';
import type { GateDecision } from '../policy/tool-gate.js';
import type { CallTerms, McpCall } from './mcp-call.js';
import { parseMessage, withParams, type McpMessage } from './message.js';
import type { RelayOptions } from './relay.js';
import { readWhole, type UpstreamAnswer } from './upstream-call.js';

const longest = 16 * 1024 * 1024;

/** The name of a tool that no server has. */
function newDecoy(): string {
  return `t${randomBytes(16).toString('hex')}`;
}

/** A hidden tool goes on as any name that the upstream does not know. */
export function unknownTerms(decision: GateDecision): CallTerms {
  const unknown = 'asUnknown' in decision ? decision.asUnknown : undefined;
  const { isPublic, upstreamScopes } =
    unknown?.kind === 'allowed' ? unknown : { isPublic: false, upstreamScopes: [] };
  return { isPublic, scopes: upstreamScopes, decoy: newDecoy() };
}

/**
 * What goes upstream for a call. In place of a hidden tool the upstream is asked for one that does not exist, because each
 * server says in its own words that it has no such tool, and any other words would tell that this one is there.
 */
export function outgoing(
  { terms }: McpCall,
  message: McpMessage,
  headers: Readonly<Record<string, string>>,
): { readonly body: Buffer; readonly headers: Readonly<Record<string, string>> } {
  const { bytes } = message.body;
  if (terms?.decoy === undefined) return { body: bytes, headers };
  const parsed = parseMessage(bytes);
  if (parsed.kind === 'bad') throw new Error('a message that was read cannot be read again');
  const body = withParams(parsed.body, ['name'], [`"name":${JSON.stringify(terms.decoy)}`]);
  if (headers['mcp-name'] === undefined) return { body, headers };
  return { body, headers: { ...headers, 'mcp-name': terms.decoy } };
}

interface Undisguised {
  readonly answer: UpstreamAnswer;
  readonly options: Pick<RelayOptions, 'rewrite' | 'rewritesErrors'>;
}

/**
 * Puts the name that was asked for back into the answer; undefined where there is no decoy in it. What had a length has
 * one again, because that it lacks one would tell as well.
 */
export function undisguised(
  { terms }: McpCall,
  message: McpMessage,
  answer: UpstreamAnswer,
): Promise<Undisguised> | undefined {
  const decoy = terms?.decoy;
  if (decoy === undefined || message.kind !== 'request') return undefined;
  const name = JSON.stringify(message.params['name']).slice(1, -1);
  // By a function: in a text `$&` would put the decoy there.
  const rewrite = (json: string) => json.replaceAll(decoy, () => name);
  return answer.headers['content-length'] === undefined
    ? Promise.resolve({ answer, options: { rewrite, rewritesErrors: true } })
    : whole(answer, rewrite);
}

async function whole(
  answer: UpstreamAnswer,
  rewrite: (text: string) => string,
): Promise<Undisguised> {
  const text = await readWhole(answer, longest);
  // What broke off breaks off for the client too.
  if (text === undefined) return { answer, options: {} };
  const bytes = Buffer.from(rewrite(text));
  const headers = { ...answer.headers, 'content-length': String(bytes.length) };
  return { answer: wholeAnswer(answer.status, headers, bytes), options: {} };
}

function wholeAnswer(
  status: number,
  headers: UpstreamAnswer['headers'],
  bytes: Buffer,
): UpstreamAnswer {
  const end = () => undefined;
  const pipeTo = async (response: CallResponse) => {
    const closed = new Promise<void>((resolve) => response.once('close', () => resolve()));
    response.end(bytes);
    await closed;
  };
  return { status, headers, body: Readable.from([bytes]), pipeTo, abort: end, discard: end };
}
