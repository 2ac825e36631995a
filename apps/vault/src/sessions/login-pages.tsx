import type { Issuer } from '../registry/domain/issuer.js';
import { messagePage } from '../web/message-page.js';
import type { Page } from '../web/page.js';
import type { Admission } from './admission.js';
import { pathOf } from './login-attempt.js';
import type { ReturnTo } from './login-attempt.js';

/** Several corporate IdPs: which one knows this person? */
export function chooseIssuerPage(issuers: readonly Issuer[], admission: Admission): Page {
  return {
    status: 200,
    title: 'Where do you sign in?',
    body: (
      <section class="card">
        <h1>Where do you sign in?</h1>
        <p class="lead">Choose the account that you use at work.</p>
        <div class="choices">
          {issuers.map((issuer) => (
            <a class="button" href={`/login?${loginQuery(issuer.slug, admission).toString()}`}>
              {issuer.slug} · {new URL(issuer.issuer).host}
            </a>
          ))}
        </div>
      </section>
    ),
  };
}

function loginQuery(issuer: string, { returnTo, reauthenticate }: Admission): URLSearchParams {
  const query = new URLSearchParams({ issuer });
  if (returnTo.page === 'link') query.set('link', returnTo.link.reveal());
  if (returnTo.page === 'interaction') query.set('interaction', returnTo.id);
  if (returnTo.page === 'sign-in') query.set('sign-in', returnTo.id);
  if (reauthenticate) query.set('switch', '1');
  return query;
}

export function signedOutPage(): Page {
  return messagePage({
    status: 200,
    title: 'You are signed out',
    lead: 'Your connections go on working. You may still be signed in at your organisation.',
    actions: (
      <a class="button primary" href="/connections">
        Sign in again
      </a>
    ),
  });
}

export function staleLoginPage(requestId: string): Page {
  return messagePage({
    status: 400,
    title: 'This sign-in cannot be used',
    lead: 'It was used before, took longer than ten minutes, or began in another browser. Nobody was signed in by it.',
    actions: (
      <a class="button primary" href="/connections">
        Continue
      </a>
    ),
    requestId,
  });
}

export function refusedLoginPage(requestId: string, returnTo: ReturnTo): Page {
  return messagePage({
    status: 400,
    title: 'You are not signed in',
    heading: 'The sign-in did not finish.',
    lead: 'Your organisation’s sign-in page sent you back without telling us who you are. Nothing was changed.',
    actions: (
      <a class="button primary" href={pathOf(returnTo)}>
        Try again
      </a>
    ),
    requestId,
  });
}
