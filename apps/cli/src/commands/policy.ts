import { readFile } from 'node:fs/promises';
import { text } from 'node:stream/consumers';
import { InvalidArgumentError, Option } from 'commander';
import { z } from 'zod';
import type { AddCommand } from '../command.js';

const decision = z.object({
  decision: z.string(),
  because: z.string().optional(),
  rule: z.string().nullish(),
  why: z.string(),
  scopes: z.array(z.string()).optional(),
  missingScopes: z.array(z.string()).optional(),
  unmetClaims: z.record(z.string(), z.unknown()).optional(),
  upstreamScopes: z.array(z.string()).optional(),
  help: z.string().optional(),
});
const named = decision.extend({ name: z.string() });
const call = decision.extend({
  method: z.string(),
  path: z.string(),
  webSocket: z.boolean(),
  allowed: z.array(z.string()).optional(),
});

const explanation = z.object({
  who: z
    .object({
      issuer: z.string(),
      subject: z.string().nullable(),
      application: z.object({ id: z.string(), trust: z.string() }),
      machine: z.boolean(),
      scopes: z.array(z.string()),
    })
    .nullable(),
  token: z
    .object({
      accepted: z.boolean(),
      detail: z.string().optional(),
      checks: z.array(
        z.object({
          check: z.string(),
          status: z.string(),
          detail: z.string(),
          fix: z.string().optional(),
        }),
      ),
    })
    .optional(),
  access: decision,
  tool: named.optional(),
  tools: z.array(decision).optional(),
  call: call.optional(),
  credential: z.object({ which: z.string(), type: z.string(), why: z.string() }),
});
type Explanation = z.output<typeof explanation>;
type Decision = z.output<typeof decision>;
type Call = z.output<typeof call>;

interface ExplainOptions {
  readonly tool?: string;
  readonly method?: string;
  readonly path?: string;
  readonly webSocket?: true;
  readonly token?: string;
  readonly anonymous?: true;
  readonly issuer?: string;
  readonly application?: string;
  readonly subject?: string;
  readonly scope: readonly string[];
  readonly claim: Readonly<Record<string, unknown>>;
  readonly json?: true;
}

/** `symbolon policy explain`; exit code 1 where the tool or call, or without one the upstream, may not be used. */
export const addPolicy: AddCommand = (program, { client, print }) => {
  program
    .command('policy')
    .description('who may use which tool, and call what of an HTTP API')
    .command('explain')
    .description('which rule decides about a call, why, and what would help')
    .argument('<upstream>')
    .option('--tool <name>', 'one tool instead of the table of all rules')
    .option('--path <path>', 'one call of an HTTP API: what follows /http/<upstream>, as sent …')
    .option('--method <method>', '… its method, GET if none is given …')
    .option('--web-socket', '… or the handshake of a WebSocket')
    .option('--token <path>', 'a file with the access token of the caller, or - for standard input')
    .addOption(new Option('--anonymous', 'a caller without a token').conflicts('token'))
    .option('--issuer <slug>', 'a caller described instead of a token: the issuer …')
    .option('--application <id>', '… the client id …')
    .option('--subject <id>', '… who it is …')
    .option('--scope <scope>', '… a scope of the token, repeatable …', collected, [])
    .option('--claim <name=json>', '… and a claim of it, repeatable', claimed, {})
    .option('--json', 'as the admin API answers')
    .action(async (upstream: string, options: ExplainOptions) => {
      const { tool, method, path, webSocket } = options;
      const body = { upstream, tool, method, path, webSocket, ...(await callerOf(options)) };
      const answer = await client().json('POST', '/policy/explain', body);
      const explained = explanation.parse(answer);
      const lines = options.json ? [JSON.stringify(answer, null, 2)] : report(explained);
      for (const line of lines) print(line);
      const asked = explained.tool ?? explained.call ?? explained.access;
      if (asked.decision !== 'allowed') process.exitCode = 1;
    });
};

/** A token never stands among the arguments: every user of the machine can read those. */
async function callerOf({ token, anonymous, ...described }: ExplainOptions): Promise<object> {
  if (anonymous) return { anonymous };
  if (token === '-') return { token: (await text(process.stdin)).trim() };
  if (token !== undefined) return { token: (await readFile(token, 'utf8')).trim() };
  const { issuer, application, subject, scope: scopes, claim: claims } = described;
  if (issuer === undefined || application === undefined)
    throw new Error('Give --token, --anonymous, or --issuer and --application.');
  return { caller: { issuer, application, subject, scopes, claims } };
}

function collected(value: string, before: readonly string[]): string[] {
  return [...before, value];
}

/** The value as JSON, else as text: `team=data`, `roles=["boss"]`. */
function claimed(given: string, before: Readonly<Record<string, unknown>>) {
  const at = given.indexOf('=');
  if (at < 1) throw new InvalidArgumentError('Give name=value.');
  const value = given.slice(at + 1);
  return { ...before, [given.slice(0, at)]: jsonOr(value) };
}

function jsonOr(value: string): unknown {
  try {
    return JSON.parse(value);
  } catch {
    return value;
  }
}

function report({ who, token, access, tool, tools, call: one, credential }: Explanation): string[] {
  return [
    ...(who === null ? ['Nobody whom a token names.'] : whoLines(who)),
    ...(token === undefined || token.accepted ? [] : tokenLines(token)),
    ...decisionLines('Upstream', access),
    ...(tool === undefined ? [] : decisionLines(`Tool ${tool.name}`, tool)),
    ...(tools ?? []).flatMap((one) => decisionLines(`  ${one.rule ?? '(default)'}`, one)),
    ...(one === undefined ? [] : callLines(one)),
    `Credential: ${credential.type} (${credential.which}). ${credential.why}`,
  ];
}

function whoLines({
  issuer,
  subject,
  application,
  machine,
  scopes,
}: NonNullable<Explanation['who']>) {
  const about = machine ? ', a program' : '';
  return [
    `${subject ?? 'somebody'} of ${issuer}${about}, by ${application.id} (${application.trust})`,
    `  scopes: ${scopes.join(' ') || 'none'}`,
  ];
}

function tokenLines({ detail, checks }: NonNullable<Explanation['token']>): string[] {
  const failed = checks.filter(({ status }) => status === 'fail');
  return [
    `The token does not count. ${detail ?? ''}`,
    ...failed.map(({ check, detail: why, fix = '' }) => `  ${check}: ${why} ${fix}`),
  ];
}

function callLines({ allowed = [], ...one }: Call): string[] {
  const what = `${one.webSocket ? 'WebSocket' : 'Call'} ${one.method} ${one.path || '/'}`;
  const lines = decisionLines(what, one);
  return allowed.length === 0 ? lines : [...lines, `    allowed: ${allowed.join(', ')}`];
}

function decisionLines(what: string, one: Decision): string[] {
  const rule = one.rule === undefined || one.rule === null ? '' : ` by "${one.rule}"`;
  const claims = Object.keys(one.unmetClaims ?? {});
  return [
    `${what}: ${one.decision}${rule}. ${one.why}`,
    ...(one.scopes === undefined ? [] : [`    ask for: ${one.scopes.join(' ') || 'any token'}`]),
    ...(claims.length === 0 ? [] : [`    claims: ${claims.join(', ')}`]),
    ...(one.help === undefined ? [] : [`    ${one.help}`]),
  ];
}
