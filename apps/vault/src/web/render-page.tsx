import { renderToString } from 'preact-render-to-string';
import { Layout } from './layout.js';
import type { Page } from './page.js';

/** The page as an HTML document. Everything in it is escaped by preact. */
export function renderPage(page: Page): string {
  return `<!doctype html>${renderToString(<Layout page={page} />)}`;
}
