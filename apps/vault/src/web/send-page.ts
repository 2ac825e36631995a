import type { FastifyReply } from 'fastify';
import { pageHeaders } from './page-headers.js';
import type { Page } from './page.js';
import { renderPage } from './render-page.js';

/** Answers with a page under the headers that every page has. */
export async function sendPage(reply: FastifyReply, page: Page): Promise<void> {
  const refresh = page.onwardTo ? { refresh: `0; url=${page.onwardTo.href}` } : {};
  await reply
    .status(page.status)
    .headers({ ...pageHeaders, ...page.headers, ...refresh })
    .send(renderPage(page));
}

/** 303 See Other to a path of ours, or to an authorization server's URL. Nothing of it is kept or leaked. */
export async function seeOther(reply: FastifyReply, location: string | URL): Promise<void> {
  await reply
    .status(303)
    .headers({
      location: location instanceof URL ? location.href : location,
      'cache-control': 'no-store',
      'referrer-policy': 'same-origin',
      'x-content-type-options': 'nosniff',
    })
    .send();
}
