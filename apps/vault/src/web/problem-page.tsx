import type { Problem } from '#lib/problem/problem';
import type { ProblemCode } from '#lib/problem/catalogue';
import { messagePage, myConnections } from './message-page.js';
import type { Page, Visitor } from './page.js';

interface Words {
  readonly title: string;
  readonly next: string;
}

const words: Partial<Record<ProblemCode, Words>> = {
  'not-found': {
    title: 'There is nothing at this address.',
    next: 'It may be mistyped or out of date. Your connections are a good place to start again.',
  },
  'method-not-allowed': {
    title: 'This address cannot be opened like that.',
    next: 'Go back to the page you came from and use its buttons.',
  },
  'too-many-requests': {
    title: 'Too many attempts.',
    next: 'Nothing is lost. Wait a minute, then try again.',
  },
  sealed: {
    title: 'The vault is locked.',
    next: 'It cannot reach the key that protects your connections. They are safe and will work again when your IT team has unlocked it.',
  },
  'temporarily-unavailable': {
    title: 'This does not work right now.',
    next: 'Nothing is lost. Try again in a moment.',
  },
  internal: {
    title: 'Something went wrong on our side.',
    next: 'Nothing was changed unless a page told you so. Try again; if it happens again, give your IT team the reference below.',
  },
};

/** The page of a refusal: what happened, what to do, and the request id as reference. */
export function problemPage(problem: Problem, requestId: string, visitor?: Visitor): Page {
  const { title, next } = words[problem.code] ?? { title: problem.title, next: problem.detail };
  const { status, headers } = problem;
  return messagePage({
    ...{ status, title, visitor, headers, requestId },
    heading: title,
    lead: next,
    actions: myConnections,
  });
}

/** 401 on a form whose session is over; `returnPath` is the page that the form stood on. */
export function sessionOverPage(returnPath: string, requestId: string): Page {
  return messagePage({
    status: 401,
    title: 'You have been signed out',
    lead: 'Nothing was done. Sign in and you are back where you were.',
    actions: (
      <a class="button primary" href={returnPath}>
        Sign in
      </a>
    ),
    requestId,
  });
}
