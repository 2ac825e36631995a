import { cleanText } from '../../web/clean-text.js';
import { Foreign } from '../../web/foreign.js';
import { myConnections } from '../../web/message-page.js';
import type { Page } from '../../web/page.js';
import {
  ApplicationName,
  FormSecrets,
  hasApplication,
  nameOfAccount,
  pathOfRequest,
  UpstreamName,
} from './request-words.js';
import { isGrowth } from '../consent-requests.js';
import { returnOf } from '../return-of.js';
import type { RequestPage } from './request-words.js';

function Again({ request, visitor, words }: RequestPage & { words: string }) {
  return (
    <form method="post" action={pathOfRequest(request)} class="actions">
      <FormSecrets request={request} visitor={visitor} />
      <button class="primary" type="submit" name="decision" value="restart">
        {words}
      </button>
      {myConnections}
    </form>
  );
}

export function donePage(page: RequestPage): Page {
  const { request, visitor } = page;
  const account = request.interaction.outcome.account ?? nameOfAccount(request.grant?.account);
  return {
    status: 200,
    title: `${cleanText(request.upstream.document.name)} is connected`,
    visitor,
    body: (
      <section class="card">
        <p class="sign good" aria-hidden="true">
          ✓
        </p>
        <h1>
          <UpstreamName request={request} /> is connected
          {account !== undefined && (
            <>
              {' '}
              as <Foreign name={account} />
            </>
          )}
          .
        </h1>
        {hasApplication(request) ? (
          <p class="lead">
            <ApplicationName request={request} /> is continuing; you can close this tab. Nothing
            happening? Ask it again.
          </p>
        ) : (
          <p class="lead">Apps that you allow can use it from now on. You can close this tab.</p>
        )}
        <p class="actions">
          <Back request={request} />
          {myConnections}
        </p>
      </section>
    ),
  };
}

/** To the service that asked; the browser goes there by itself. */
function Back({ request }: Pick<RequestPage, 'request'>) {
  const url = returnOf(request.interaction);
  return url === undefined ? null : (
    <a class="button primary" href={url.href}>
      Back to {url.host}
    </a>
  );
}

export function declinedPage(page: RequestPage): Page {
  const { request, visitor } = page;
  const upstream = cleanText(request.upstream.document.name);
  const [nothing, words] = isGrowth(request)
    ? ['Nothing has changed', 'Allow it after all']
    : ['Nothing was connected', `Connect ${upstream} after all`];
  return {
    status: 200,
    title: nothing,
    visitor,
    body: (
      <section class="card">
        <h1>{nothing}.</h1>
        <p class="lead">
          {hasApplication(request) ? (
            <>
              <ApplicationName request={request} /> has been told. You can close this tab, or change
              your mind.
            </>
          ) : (
            'You can close this tab, or change your mind.'
          )}
        </p>
        <Again {...page} words={words} />
      </section>
    ),
  };
}

export function expiredPage(page: RequestPage): Page {
  return {
    status: 410,
    title: 'This link has expired',
    visitor: page.visitor,
    body: (
      <section class="card">
        <h1>This link has expired.</h1>
        <p class="lead">
          Links work for ten minutes.{' '}
          {isGrowth(page.request) ? 'Nothing has changed' : 'Nothing was connected'}
          {hasApplication(page.request) && (
            <>
              , and <ApplicationName request={page.request} /> is no longer waiting
            </>
          )}
          .
        </p>
        <Again {...page} words="Start again" />
      </section>
    ),
  };
}
