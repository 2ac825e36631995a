import { Foreign } from '../../web/foreign.js';
import type { Page, Visitor } from '../../web/page.js';
import { Reference } from '../../web/problem-page.js';

/** Unknown, foreign, malformed, used by another: all the same to whoever asks (row 1). */
export function unknownLinkPage(visitor: Visitor, requestId: string): Page {
  return {
    status: 404,
    title: 'This link does not work here',
    visitor,
    body: (
      <section class="card">
        <h1>This link does not work here.</h1>
        <p class="lead">
          You are signed in as <Foreign name={visitor.account} />. The link may belong to another
          account, or be used or mistyped.
        </p>
        <p class="actions">
          <a class="button primary" href="?switch=1">
            Switch account
          </a>
          <a class="button" href="/connections">
            My connections
          </a>
        </p>
        <Reference requestId={requestId} />
      </section>
    ),
  };
}

/** A callback that nobody here can use: replayed, too old, begun elsewhere, of another oauth client. */
export function strayCallbackPage(requestId: string, visitor: Visitor | undefined): Page {
  return {
    status: 400,
    title: 'This return cannot be used',
    visitor,
    body: (
      <section class="card">
        <h1>This return cannot be used.</h1>
        <p class="lead">
          It was used before, took longer than ten minutes, or began in another browser or session.
          Nothing was connected by it.
        </p>
        <p class="actions">
          <a class="button primary" href="/connections">
            My connections
          </a>
        </p>
        <Reference requestId={requestId} />
      </section>
    ),
  };
}

export function otherPersonPage(requestId: string, visitor: Visitor): Page {
  return {
    status: 403,
    title: 'This was begun by somebody else',
    visitor,
    body: (
      <section class="card">
        <h1>This was begun by somebody else.</h1>
        <p class="lead">
          You are signed in as <Foreign name={visitor.account} />, and somebody else started this
          connection. Nothing was connected. Whoever started it has to finish it.
        </p>
        <p class="actions">
          <a class="button primary" href="/connections">
            My connections
          </a>
        </p>
        <Reference requestId={requestId} />
      </section>
    ),
  };
}
