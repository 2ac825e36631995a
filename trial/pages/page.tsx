import type { ComponentChildren } from 'preact';
import { renderToString } from 'preact-render-to-string';

const style = `
:root { color-scheme: light dark; --ink: #1b1f24; --soft: #57606a; --ground: #f6f7f9; --card: #fff; --line: #d0d7de; --accent: #1f5fbf; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6e8eb; --soft: #a0a8b2; --ground: #14171b; --card: #1d2126; --line: #3a414a; --accent: #7fb0ff; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--ground); color: var(--ink); font: 1rem/1.5 system-ui, sans-serif; }
main { max-width: 26rem; margin: 10vh auto 2rem; padding: 2rem; background: var(--card); border: 1px solid var(--line); border-radius: 12px; }
main.upstream { border-top: 6px solid #0f8f7f; }
main.corporate { border-top: 6px solid #6a4fc4; }
h1 { margin: 0 0 .5rem; font-size: 1.4rem; line-height: 1.25; }
.where { margin: 0 0 1rem; color: var(--soft); font-size: .9rem; }
label { display: block; margin-top: 1rem; font-weight: 600; }
input { width: 100%; margin-top: .25rem; padding: .6rem; font: inherit; color: inherit; background: transparent; border: 1px solid var(--soft); border-radius: 8px; }
button { width: 100%; margin-top: 1rem; padding: .7rem; font: inherit; font-weight: 600; border: 1px solid var(--accent); border-radius: 8px; background: var(--accent); color: var(--card); cursor: pointer; }
button.second { background: transparent; color: var(--accent); }
:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; }
.note, .error { margin: 1rem 0 0; padding: .75rem; border-radius: 8px; border: 1px solid var(--line); font-size: .9rem; }
.error { border-color: #b3261e; }
ul { padding-left: 1.2rem; }
code { font-family: ui-monospace, monospace; overflow-wrap: anywhere; user-select: all; }
`;

/** A whole page as text: one calm column, nothing fetched from anywhere. */
export function renderPage(
  kind: 'corporate' | 'upstream',
  title: string,
  body: ComponentChildren,
): string {
  const page = (
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <title>{title}</title>
        <style>{style}</style>
      </head>
      <body>
        <main class={kind}>{body}</main>
      </body>
    </html>
  );
  return `<!doctype html>${renderToString(page)}`;
}
