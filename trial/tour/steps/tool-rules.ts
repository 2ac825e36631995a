import { linkIn, PlainClient } from '../plain-client.js';
import type { Said } from '../plain-client.js';
import type { Progress, Step, StepResult, Surroundings } from '../step.js';

export const toolRules: Step = {
  id: 'tool-rules',
  title: 'Tool by tool',
  text: (name) =>
    `The demo helpdesk has five tools and a rule for each: one for anybody, one for everybody of the company, one for a token with a scope, one for a group that Alice is in and Bob is not, one that is hidden. All five are called twice: without any token, and as ${name}.`,
  actions: [{ id: 'tool-rules', button: 'Call all five', run: callAll }],
};

const rules: Readonly<Record<string, string>> = {
  status: 'public',
  list_tickets: 'whoever may use the helpdesk',
  close_ticket: 'scope helpdesk:write',
  assign_ticket: 'group platform-admins',
  purge_tickets: 'hidden',
};

interface Tried {
  readonly listed: boolean;
  readonly said: Said;
}

async function callAll(progress: Progress, { config }: Surroundings): Promise<StepResult> {
  const url = `${config.gateway}/mcp/helpdesk`;
  const [anybody, person] = await Promise.all([
    tryAll(url, undefined),
    tryAll(url, progress.visitor.accessToken),
  ]);
  const challenge = person.get('close_ticket')?.said.challenge ?? 'none';
  return {
    outcome: 'done',
    says: 'Lists show what a caller may use, or may use after signing in or with one more scope. What a claim forbids is not there; a hidden tool is answered in the server’s own words for one that does not exist.',
    table: {
      head: ['Tool', 'Its rule', 'Without a token', `As ${progress.visitor.login}`],
      rows: Object.entries(rules).map(([tool, rule]) => [
        tool,
        rule,
        words(anybody.get(tool)),
        words(person.get(tool)),
      ]),
    },
    facts: [{ name: 'The challenge for close_ticket', value: challenge, exact: true }],
  };
}

function tryAll(url: string, token: string | undefined): Promise<ReadonlyMap<string, Tried>> {
  return PlainClient.use(url, token, async (client) => {
    const listed = await client.tools();
    const tried = new Map<string, Tried>();
    for (const tool of Object.keys(rules))
      tried.set(tool, { listed: listed.includes(tool), said: await client.call(tool) });
    return tried;
  });
}

function words(tried: Tried | undefined): string {
  if (tried === undefined) return 'not tried';
  const { listed, said } = tried;
  return `${listed ? 'listed' : 'not listed'}; ${answerOf(said)}`;
}

function answerOf({ status, isError, text }: Said): string {
  if (status === 401) return '401: sign in';
  if (status === 403 && text.includes('scope')) return '403: needs a scope';
  if (linkIn(text) !== undefined) return 'pauses for your token (step 12)';
  return isError ? `${status}: ${text}` : 'answered';
}
