import { cleanText, withoutQuotes } from '../../web/clean-text.js';
import { Foreign } from '../../web/foreign.js';
import type { Page } from '../../web/page.js';
import { SignedInAs } from '../../web/signed-in-as.js';
import { isGrowth } from '../consent-requests.js';
import type { ConsentRequest } from '../consent-requests.js';
import {
  ApplicationName,
  FormSecrets,
  hasApplication,
  pathOfRequest,
  ProviderName,
  UpstreamName,
} from './request-words.js';
import type { RequestPage } from './request-words.js';
import { scopeWords } from './scope-words.js';
import { type FormFault, TokenForm } from './token-pages.js';

interface ConsentView extends RequestPage {
  readonly changed: boolean;
  /** What was wrong with the token that was given last. */
  readonly fault: FormFault | undefined;
  /** Of our own pages, for people to compare. */
  readonly host: string;
}

function asksForToken({ way, needsTrip }: ConsentRequest): boolean {
  return way === 'paste' && needsTrip;
}

function statusOf({ request, changed, fault }: ConsentView): number {
  if (changed) return 409;
  return fault !== undefined && asksForToken(request) ? 422 : 200;
}

/** The one question. `changed`: more is asked now than the page showed that was answered. */
export function consentPage(page: ConsentView): Page {
  const { request, visitor, changed } = page;
  const upstream = cleanText(request.upstream.document.name);
  const wish = isGrowth(request) ? 'do more with' : 'use';
  const title = hasApplication(request)
    ? `Let ${cleanText(request.application.name)} ${wish} ${upstream}?`
    : `Connect ${upstream}?`;
  return {
    status: statusOf(page),
    title,
    visitor,
    body: (
      <section class="card">
        {changed && (
          <p class="note warn" role="status">
            The request has changed since you opened this page. Please look again: nothing was
            allowed yet.
          </p>
        )}
        <Question request={request} />
        <SignedInAs visitor={visitor} />
        <Facts request={request} />
        {asksForToken(request) ? (
          <TokenForm {...page} />
        ) : (
          <Decision request={request} visitor={visitor} action={pathOfRequest(request)} />
        )}
        {hasApplication(request) && (
          <p class="soft small after">Did not ask for this? Choose Not now.</p>
        )}
      </section>
    ),
  };
}

function Question({ request }: { request: ConsentRequest }) {
  if (!hasApplication(request))
    return (
      <>
        <h1>
          Connect <UpstreamName request={request} />?
        </h1>
        <p class="lead">Apps that you allow can then use it as you. Each of them asks you first.</p>
      </>
    );
  return (
    <>
      <h1>
        Let <ApplicationName request={request} /> {isGrowth(request) ? 'do more with' : 'use'}{' '}
        <UpstreamName request={request} /> as you?
      </h1>
      <Asker request={request} />
    </>
  );
}

function Asker({ request }: { request: ConsentRequest }) {
  const { application, interaction } = request;
  if (application.trust === 'known')
    return (
      <p class="soft">
        <span class="badge">✓ Checked by your organisation</span>
      </p>
    );
  return (
    <div class="note warn">
      <p>
        <strong>Nobody at your organisation has checked this app.</strong>{' '}
        {interaction.clientName !== undefined && (
          <>
            It calls itself “<Foreign name={withoutQuotes(interaction.clientName)} />
            ”.{' '}
          </>
        )}
        Allow it only if you just started something in it yourself.
      </p>
      {isCut(interaction.application) && (
        <p class="small">
          Its whole id: <code>{cleanText(interaction.application, 500)}</code>
        </p>
      )}
    </div>
  );
}

// The heading shows the beginning of a long id; one that is cut could be mistaken for another.
function isCut(application: string): boolean {
  return cleanText(application) !== application;
}

function Facts({ request }: { request: ConsentRequest }) {
  return (
    <ul class="facts">
      {isGrowth(request) ? <Growth request={request} /> : <Whole request={request} />}
      {hasApplication(request) && (
        <li>
          <strong>It cannot</strong> do more there than you can. It never receives your password,{' '}
          <Received request={request} />
        </li>
      )}
      <li>
        <strong>You stay in charge</strong> Your organisation keeps an encrypted key until you
        disconnect{' '}
        {hasApplication(request) ? (
          <>under My connections. This permission ends by itself after 180 days.</>
        ) : (
          <>under My connections.</>
        )}
      </li>
      {request.needsTrip && <Next request={request} />}
    </ul>
  );
}

/** A service calls by itself: what it is given of a token that was brought is that token, for as long as it lives. */
function Received({ request }: { request: ConsentRequest }) {
  const upstream = <UpstreamName request={request} />;
  if (request.interaction.consumer === 'gateway') return <>nor your {upstream} token.</>;
  if (request.way === 'provider') return <>only a {upstream} token that soon ends.</>;
  return <>but it does receive your {upstream} token.</>;
}

function Next({ request }: { request: ConsentRequest }) {
  if (request.way === 'paste') return null;
  return (
    <li>
      <strong>Next</strong>{' '}
      {request.way === 'provider' ? (
        <>
          <ProviderName request={request} /> asks you to sign in there.
        </>
      ) : (
        <>
          your organisation’s own page at <ProviderName request={request} /> asks for your{' '}
          <UpstreamName request={request} /> token.
        </>
      )}
    </li>
  );
}

function Whole({ request }: { request: ConsentRequest }) {
  return (
    <li>
      <strong>{hasApplication(request) ? 'It can' : 'You allow Symbolon to'}</strong>
      <Permissions request={request} scopes={request.interaction.scopes} />
    </li>
  );
}

function Growth({ request }: { request: ConsentRequest }) {
  const { interaction, allowed } = request;
  const added = interaction.scopes.filter((scope) => !allowed.includes(scope));
  const kept = interaction.scopes.filter((scope) => allowed.includes(scope));
  return (
    <>
      <li>
        <strong>New: it could also</strong>
        <Permissions request={request} scopes={added} />
      </li>
      <li>
        <strong>You allowed before that it can</strong>
        <Permissions request={request} scopes={kept} />
      </li>
    </>
  );
}

export function Permissions({
  request,
  scopes,
}: {
  request: ConsentRequest;
  scopes: readonly string[];
}) {
  const { plain, named } = scopeWords(scopes);
  return (
    <ul class="plain">
      <li>
        use <UpstreamName request={request} /> as you
        {named.length > 0 && (
          <>
            , with
            <ul class="chips">
              {named.map((scope) => (
                <li>
                  <code>{scope}</code>
                </li>
              ))}
            </ul>
          </>
        )}
      </li>
      {plain.map((words) => (
        <li>{words}</li>
      ))}
    </ul>
  );
}

/** The two answers to what a page asks; `action` is where they go. */
export function Decision({ request, visitor, action }: RequestPage & { action: string }) {
  return (
    <form method="post" action={action} class="actions">
      <FormSecrets request={request} visitor={visitor} />
      <button class="primary" type="submit" name="decision" value="allow">
        {request.needsTrip ? (
          <span>
            Allow and continue to <ProviderName request={request} />
          </span>
        ) : (
          'Allow'
        )}
      </button>
      <button type="submit" name="decision" value="decline">
        Not now
      </button>
    </form>
  );
}
