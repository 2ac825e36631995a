import type { ComponentChildren } from 'preact';

/** Whom the top of a page greets, and the token of the sign-out form there. */
export interface Visitor {
  readonly displayName: string;
  readonly account: string;
  readonly csrfToken: string;
}

/** One HTML answer before it is rendered. */
export interface Page {
  readonly status: number;
  readonly title: string;
  readonly body: ComponentChildren;
  readonly visitor?: Visitor | undefined;
  /** Where the browser goes by itself (Refresh header, 0 seconds); the page shows the same link. */
  readonly onwardTo?: URL;
  readonly headers?: Readonly<Record<string, string>>;
}
