import { Foreign } from '../../web/foreign.js';
import { messagePage, myConnections } from '../../web/message-page.js';
import type { Page, Visitor } from '../../web/page.js';

const toMyConnections = (
  <a class="button primary" href="/connections">
    My connections
  </a>
);

/** Unknown, foreign, malformed, used by another: all the same to whoever asks (row 1). */
export function unknownLinkPage(visitor: Visitor, requestId: string): Page {
  return messagePage({
    status: 404,
    title: 'This link does not work here',
    visitor,
    lead: (
      <>
        You are signed in as <Foreign name={visitor.account} />. The link may belong to another
        account, or be used or mistyped.
      </>
    ),
    actions: (
      <>
        <a class="button primary" href="?switch=1">
          Switch account
        </a>
        {myConnections}
      </>
    ),
    requestId,
  });
}

/** A callback that nobody here can use: replayed, too old, begun elsewhere, of another oauth client. */
export function strayCallbackPage(requestId: string, visitor: Visitor | undefined): Page {
  return messagePage({
    status: 400,
    title: 'This return cannot be used',
    visitor,
    lead: 'It was used before, took longer than ten minutes, or began in another browser or session. Nothing was connected by it.',
    actions: toMyConnections,
    requestId,
  });
}

export function otherPersonPage(requestId: string, visitor: Visitor): Page {
  return messagePage({
    status: 403,
    title: 'This was begun by somebody else',
    visitor,
    lead: (
      <>
        You are signed in as <Foreign name={visitor.account} />, and somebody else started this
        connection. Nothing was connected. Whoever started it has to finish it.
      </>
    ),
    actions: toMyConnections,
    requestId,
  });
}
