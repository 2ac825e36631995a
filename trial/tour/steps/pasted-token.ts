import { linkIn, PlainClient } from '../plain-client.js';
import type { Progress, Step, StepResult, Surroundings } from '../step.js';

export const pastedToken: Step = {
  id: 'pasted-token',
  title: 'A service without OAuth',
  text: (name) =>
    `The helpdesk knows no OAuth: people make a token there and hand it to whatever calls for them. Here ${name} pastes it once, into a page of the vault, and no client ever sees it.`,
  actions: [{ id: 'pasted-token', button: 'List my tickets', run: list }],
};

async function list({ visitor }: Progress, { config }: Surroundings): Promise<StepResult> {
  const url = `${config.gateway}/mcp/helpdesk`;
  const said = await PlainClient.use(url, visitor.accessToken, (c) => c.call('list_tickets'));
  const link = linkIn(said.text);
  if (link !== undefined) {
    return {
      outcome: 'waiting',
      says: 'The call paused: the helpdesk is not connected. Copy your token at the helpdesk, paste it into the page of the vault, then repeat this step.',
      links: [
        { href: link, words: 'Open the page of the vault' },
        { href: `${config.helpdesk}/tokens`, words: 'Get a token at the helpdesk' },
      ],
    };
  }
  if (said.isError) return { outcome: 'failed', says: `The call failed: ${said.text}` };
  return {
    outcome: 'done',
    says: 'The helpdesk answered with the tickets of whoever the pasted token belongs to.',
    facts: [{ name: 'The helpdesk says', value: said.text }],
  };
}
