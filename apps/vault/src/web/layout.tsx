import { Foreign } from './foreign.js';
import { iconPath, styleSheetPath } from './assets.js';
import type { Page, Visitor } from './page.js';

/** The frame of every page: mark, who is signed in, one column. */
export function Layout({ page }: { page: Page }) {
  return (
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        <meta name="robots" content="noindex, nofollow" />
        <title>{`${page.title} · Symbolon`}</title>
        <link rel="icon" href={iconPath} type="image/svg+xml" />
        <link rel="stylesheet" href={styleSheetPath} />
      </head>
      <body>
        <a class="skip" href="#main">
          Skip to content
        </a>
        <header>
          <a class="mark" href="/connections">
            <img src={iconPath} alt="" width="28" height="28" />
            <span>Symbolon</span>
          </a>
          {page.visitor && <SignedIn visitor={page.visitor} />}
        </header>
        <main id="main">{page.body}</main>
      </body>
    </html>
  );
}

function SignedIn({ visitor }: { visitor: Visitor }) {
  return (
    <form class="signed-in" method="post" action="/logout">
      <input type="hidden" name="csrf" value={visitor.csrfToken} />
      <span class="account">
        <Foreign name={visitor.account} />
      </span>
      <button class="quiet" type="submit">
        Sign out
      </button>
    </form>
  );
}
