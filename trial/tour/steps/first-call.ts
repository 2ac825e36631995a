import type { ClientKind } from '../sdk-clients.js';
import type { Progress, Step, StepResult, Surroundings } from '../step.js';
import { WhoamiCaller } from '../whoami-call.js';
import { rawOf, tokenFacts, unlessAnswered } from './outcome-result.js';

export const firstCall: Step = {
  id: 'first-call',
  title: 'A call that pauses',
  text: () =>
    'A real MCP client calls the tool whoami of the warehouse through the gateway, with the corporate token. The warehouse does not accept that token, and there is no other yet: the gateway asks for one decision, in the words that this client understands.',
  actions: [{ id: 'call', button: 'Call whoami', run: call }],
};

const words: Readonly<Record<ClientKind, string>> = {
  modern:
    'The call paused with an input_required result. The client has already sent it again; the gateway holds that one until you have decided.',
  legacy:
    'The call ended with error -32042 and a link. The client waits on its stream for the completion, then calls again.',
  plain:
    'This client cannot be asked, so the tool answered with an error text that carries the link. Ask again after you have agreed.',
};

async function call(progress: Progress, around: Surroundings): Promise<StepResult> {
  await progress.waiting?.close();
  delete progress.waiting;
  const { visitor, kind } = progress;
  const caller = await WhoamiCaller.connect(kind, around.upstreamUrl, visitor.accessToken);
  const outcome = await caller.call();
  if (outcome.kind !== 'paused') {
    void caller.close();
    return unlessAnswered(outcome, (answered) => {
      progress.seen = answered.whoami;
      return {
        outcome: 'done',
        says: 'No pause: the warehouse is connected already. Disconnect it in step 11 to see the pause again.',
        facts: tokenFacts(progress, answered),
        raw: rawOf(answered.exchange),
      };
    });
  }
  progress.waiting = caller;
  progress.lastLink = outcome.link;
  progress.results.delete('answer');
  return {
    outcome: 'done',
    says: words[kind],
    links: [{ href: outcome.link, words: 'Open the consent page' }],
    raw: rawOf(outcome.exchange).map((raw, index) => ({ ...raw, open: index === 1 })),
  };
}
