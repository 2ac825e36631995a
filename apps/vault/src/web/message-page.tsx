import type { ComponentChildren } from 'preact';
import type { Page } from './page.js';

/** One card: what happened, what to do, and where to go from there. */
interface Message extends Omit<Page, 'body'> {
  /** Default: the title and a full stop. */
  readonly heading?: ComponentChildren;
  readonly lead: ComponentChildren;
  readonly actions: ComponentChildren;
  /** What a person can read to their IT team; it finds the log lines of this request. */
  readonly requestId?: string;
}

export function messagePage({ heading, lead, actions, requestId, ...page }: Message): Page {
  return {
    ...page,
    body: (
      <section class="card">
        <h1>{heading ?? `${page.title}.`}</h1>
        <p class="lead">{lead}</p>
        <p class="actions">{actions}</p>
        {requestId !== undefined && (
          <p class="reference">
            Reference for IT: <code>{requestId}</code>
          </p>
        )}
      </section>
    ),
  };
}

export const myConnections = (
  <a class="button" href="/connections">
    My connections
  </a>
);
