import { isGrowth } from '../../connect/consent-requests.js';
import type { ConsentRequest } from '../../connect/consent-requests.js';
import { Decision, Permissions } from '../../connect/pages/consent-page.js';
import { ProviderName, UpstreamName } from '../../connect/pages/request-words.js';
import { cleanText, withoutQuotes } from '../../web/clean-text.js';
import { Foreign } from '../../web/foreign.js';
import { messagePage, myConnections } from '../../web/message-page.js';
import type { Page, Visitor } from '../../web/page.js';
import { SignedInAs } from '../../web/signed-in-as.js';
import { redirectTarget } from '../domain/redirect-uri.js';
import type { SignIn } from '../postgres-sign-in-store.js';

export interface SignInPage {
  readonly signIn: SignIn;
  readonly request: ConsentRequest;
  readonly visitor: Visitor;
}

/** The one question of a sign-in: may THIS client act as this person there? Asked each time, whatever was granted before. */
export function signInPage(page: SignInPage & { readonly changed: boolean }): Page {
  const { signIn, request, visitor, changed } = page;
  return {
    status: changed ? 409 : 200,
    title: `Let ${cleanText(nameOf(page))} use ${cleanText(request.upstream.document.name)}?`,
    visitor,
    body: (
      <section class="card">
        {changed && (
          <p class="note warn" role="status">
            The request has changed since you opened this page. Please look again: nothing was
            allowed yet.
          </p>
        )}
        <h1>
          Let <AppName {...page} /> use <UpstreamName request={request} /> as you?
        </h1>
        <Asker {...page} />
        <SignedInAs visitor={visitor} />
        <Facts {...page} />
        <Decision request={request} visitor={visitor} action={`/sign-in/${signIn.id}`} />
        <p class="soft small after">Did not just start this yourself? Choose Not now.</p>
      </section>
    ),
  };
}

/** By the name that was checked; else what it calls itself. */
function nameOf({ request, signIn }: SignInPage): string {
  if (request.application.trust === 'known') return request.application.name;
  return signIn.clientName === '' ? 'an app without a name' : withoutQuotes(signIn.clientName);
}

function AppName(page: SignInPage) {
  if (page.request.application.trust === 'known') return <Foreign name={nameOf(page)} />;
  if (page.signIn.clientName === '') return <>an app without a name</>;
  return (
    <>
      an app that calls itself “<Foreign name={nameOf(page)} />”
    </>
  );
}

function Asker(page: SignInPage) {
  const { request, signIn } = page;
  if (request.application.trust === 'known')
    return (
      <p class="soft">
        <span class="badge">✓ Checked by your organisation</span>
      </p>
    );
  return (
    <div class="note warn">
      <p>
        <strong>Nobody at your organisation has checked this app.</strong> Anybody can choose any
        name. Allow it only if you just started to sign in from it yourself.
      </p>
      <p class="small">
        {URL.canParse(signIn.clientId) && signIn.clientId.startsWith('http') ? (
          <>
            Published at <bdi>{cleanText(new URL(signIn.clientId).host)}</bdi>
          </>
        ) : (
          'It registered itself here'
        )}
        . Its id: <code>{cleanText(signIn.clientId, 500)}</code>
      </p>
    </div>
  );
}

function Facts({ request, signIn }: SignInPage) {
  return (
    <ul class="facts">
      <li>
        <strong>It returns to</strong>
        <Destination uri={signIn.redirectUri} />
      </li>
      <li>
        <strong>{isGrowth(request) ? 'It could then' : 'It can'}</strong>
        <Permissions request={request} scopes={request.interaction.scopes} />
      </li>
      {signIn.scopes.length > 0 && (
        <li>
          <strong>Of the tools there</strong> those that need{' '}
          <ul class="chips">
            {signIn.scopes.map((scope) => (
              <li>
                <code>{cleanText(scope)}</code>
              </li>
            ))}
          </ul>
        </li>
      )}
      <li>
        <strong>It cannot</strong> do more there than you can. It never receives your password, nor
        your <UpstreamName request={request} /> token.
      </li>
      <li>
        <strong>You stay in charge</strong> Remove it at any time under My connections.
      </li>
      {request.needsTrip && (
        <li>
          <strong>Next</strong> <ProviderName request={request} /> asks you to sign in there.
        </li>
      )}
    </ul>
  );
}

function Destination({ uri }: { uri: string }) {
  const target = redirectTarget(uri);
  switch (target.kind) {
    case 'web':
      return (
        <>
          {' '}
          the website <strong class="host">{cleanText(target.host)}</strong>
        </>
      );
    case 'this-computer':
      return (
        <>
          {' '}
          a program on this computer (<span class="host">{cleanText(target.host)}</span>)
        </>
      );
    case 'app':
      return (
        <>
          {' '}
          the app on this device that opens <code>{cleanText(target.scheme)}:</code> links
        </>
      );
  }
}

/** Back to the client: the browser goes on by itself, and without that by the link. */
export function returningPage(
  clientName: string,
  onwardTo: URL,
  visitor: Visitor | undefined,
): Page {
  return messagePage({
    status: 200,
    title: 'You are signed in',
    visitor,
    onwardTo,
    lead: (
      <>
        {clientName === '' ? 'The app' : <Foreign name={clientName} />} goes on; you can close this
        tab when it has.
      </>
    ),
    actions: (
      <a class="button primary" href={onwardTo.href} rel="noreferrer">
        Return to the app
      </a>
    ),
  });
}

/**
 * The client gets a no. Only what listens on this computer is told at once: a website that anybody registered is not
 * somewhere to send people to unasked (RFC 9700 §4.11.2).
 */
export function refusedSignInPage(
  about: { readonly title: string; readonly lead: string; readonly status: number },
  to: { readonly url: URL; readonly atOnce: boolean; readonly host: string },
  requestId: string,
  visitor?: Visitor,
): Page {
  return messagePage({
    ...about,
    visitor,
    ...(to.atOnce ? { onwardTo: to.url } : {}),
    lead: `${about.lead} Nothing was allowed.`,
    actions: (
      <>
        <a class="button" href={to.url.href} rel="noreferrer">
          <span>
            Tell the app at <bdi>{cleanText(to.host)}</bdi>
          </span>
        </a>
        {myConnections}
      </>
    ),
    requestId,
  });
}

const strayWords = {
  parameters: 'A part of the address came twice or is too long.',
  client: 'The app that sent you is not known here, or does not say who it is.',
  'redirect-uri': 'The app wants you to return to an address that it did not register.',
};

/** Nothing is sent anywhere: nobody knows whose address it is. */
export function straySignInPage(reason: keyof typeof strayWords, requestId: string): Page {
  return messagePage({
    status: 400,
    title: 'This sign-in cannot begin',
    lead: `${strayWords[reason]} You were not sent anywhere and nothing was allowed. Start again in the app; if it stays like this, whoever makes the app has to look at it.`,
    actions: myConnections,
    requestId,
  });
}

/** Used, too old, or another browser's. */
export function endedSignInPage(requestId: string, visitor: Visitor | undefined): Page {
  return messagePage({
    status: 410,
    title: 'This sign-in is over',
    visitor,
    lead: 'It was finished, took longer than ten minutes, or began in another browser. If the app still waits, start again there.',
    actions: myConnections,
    requestId,
  });
}
