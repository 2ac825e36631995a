import type { RefusalCause } from '../../interactions/postgres-interaction-store.js';
import { cleanText } from '../../web/clean-text.js';
import { messagePage, myConnections } from '../../web/message-page.js';
import type { Page } from '../../web/page.js';
import {
  FormSecrets,
  pathOfRequest,
  ProviderName,
  providerName,
  UpstreamName,
} from './request-words.js';
import type { RequestPage } from './request-words.js';

/** On the way: the browser goes on by itself, and without that by the link. */
export function goingPage({ request, visitor }: RequestPage, onwardTo: URL): Page {
  return messagePage({
    status: 200,
    title: `On to ${cleanText(providerName(request))}`,
    visitor,
    onwardTo,
    heading: (
      <>
        On to <ProviderName request={request} /> …
      </>
    ),
    lead:
      request.way === 'page'
        ? 'Your organisation’s own page asks for your token there.'
        : 'You sign in there and come back here.',
    actions: (
      <a class="button primary" href={onwardTo.href} rel="noreferrer">
        <span>
          Continue to <ProviderName request={request} />
        </span>
      </a>
    ),
  });
}

const causes: Readonly<Record<RefusalCause, string>> = {
  access_denied: 'You, or a rule there, said no.',
  temporarily_unavailable: 'It does not answer right now. Wait a moment, then try again.',
  misconfigured:
    'The two services are not set up to work together as they should. Your IT team has to look at this.',
  invalid_grant:
    'What it sent back was not valid. That can happen when a page is left open too long.',
  other: 'It gave a reason that we do not know.',
};

/** The provider gave nothing. Its own text is never shown. */
export function refusedPage(
  { request, visitor }: RequestPage,
  refused: { cause: RefusalCause; requestId: string; status: number },
): Page {
  return messagePage({
    status: refused.status,
    title: `${cleanText(providerName(request))} did not finish the connection`,
    visitor,
    heading: (
      <>
        <ProviderName request={request} /> did not finish the connection.
      </>
    ),
    lead: (
      <>
        {causes[refused.cause]} Nothing was saved, and <UpstreamName request={request} /> is as it
        was before.
      </>
    ),
    actions: (
      <>
        <a class="button primary" href={`${pathOfRequest(request)}?again=1`}>
          Try again
        </a>
        {myConnections}
      </>
    ),
    requestId: refused.requestId,
  });
}

/** Two accounts: which one stays? */
export function accountDiffersPage(
  { request, visitor }: RequestPage,
  names: { readonly held: string | undefined; readonly returned: string | undefined },
): Page {
  const unnamed = 'an account without a name';
  const held = cleanText(names.held ?? unnamed);
  const returned = cleanText(names.returned ?? unnamed);
  return {
    status: 200,
    title: 'Which account do you want to use?',
    visitor,
    body: (
      <section class="card">
        <h1>
          You signed in to <ProviderName request={request} /> as <bdi>{returned}</bdi>.
        </h1>
        <p class="lead">
          <UpstreamName request={request} /> was connected as <bdi>{held}</bdi>. Only one of them
          can be used; apps act as whom you choose. Nothing has changed yet.
        </p>
        <form method="post" action={pathOfRequest(request)}>
          <FormSecrets request={request} visitor={visitor} />
          <div class="choices">
            <button class="primary" type="submit" name="decision" value="keep">
              <span>
                Keep <bdi>{held}</bdi>
              </span>
            </button>
            <button type="submit" name="decision" value="replace">
              <span>
                Use <bdi>{returned}</bdi> from now on
              </span>
            </button>
          </div>
        </form>
      </section>
    ),
  };
}
