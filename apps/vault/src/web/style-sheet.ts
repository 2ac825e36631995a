/** The one style sheet. System font, two palettes, one column; sizes in rem so that zoom reflows. */
export const styleSheet = `
:root {
  color-scheme: light dark;
  --paper: #f5f4f0; --card: #ffffff; --ink: #1c2321; --soft: #55605c; --line: #dcdad2; --edge: #8a918d;
  --accent: #0f5f58; --accent-ink: #ffffff; --accent-hover: #0a4a44; --tint: #e8f1ef;
  --warn: #7a4300; --warn-tint: #fdf1de; --bad: #9c1c1c; --bad-tint: #fbe9e7;
  --shadow: 0 1px 2px rgb(28 35 33 / 6%), 0 12px 32px -12px rgb(28 35 33 / 14%);
}
@media (prefers-color-scheme: dark) {
  :root {
    --paper: #121615; --card: #1a201e; --ink: #e9ece8; --soft: #a5b0ab; --line: #303936; --edge: #77827d;
    --accent: #7fd6ca; --accent-ink: #06201d; --accent-hover: #a4e6dc; --tint: #1d2f2c;
    --warn: #f3c27e; --warn-tint: #33270f; --bad: #ffb4ab; --bad-tint: #3b1b18;
    --shadow: none;
  }
}
*, *::before, *::after { box-sizing: border-box; }
html { font: 100%/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif; -webkit-text-size-adjust: 100%; }
body { margin: 0; min-height: 100vh; background: var(--paper); color: var(--ink); overflow-wrap: anywhere; }
header { display: flex; flex-wrap: wrap; align-items: center; justify-content: space-between; gap: .5rem 1.5rem;
  max-width: 60rem; margin: 0 auto; padding: 1.25rem 1.25rem 0; }
.mark { display: inline-flex; align-items: center; gap: .6rem; color: inherit; font-weight: 650; letter-spacing: .01em; text-decoration: none; padding: .25rem 0; }
.mark img { display: block; }
.signed-in { display: flex; flex-wrap: wrap; align-items: center; gap: .25rem .75rem; margin: 0; color: var(--soft); font-size: .9375rem; }
main { max-width: 38rem; margin: 0 auto; padding: clamp(1.25rem, 6vh, 4rem) 1.25rem 4rem; }
main.wide { max-width: 46rem; }
.card { background: var(--card); border: 1px solid var(--line); border-radius: 1rem; box-shadow: var(--shadow); padding: clamp(1.25rem, 5vw, 2.5rem); }
.card + .card { margin-top: 1rem; }
h1 { font-size: clamp(1.375rem, 1.1rem + 1.4vw, 1.75rem); line-height: 1.25; font-weight: 680; letter-spacing: -.012em; margin: 0 0 .75rem; text-wrap: balance; }
h2 { font-size: 1.0625rem; line-height: 1.35; margin: 0 0 .35rem; }
.api section { margin-top: 2rem; }
.api nav ul { display: flex; flex-wrap: wrap; gap: .25rem 1rem; list-style: none; padding: 0; margin: 1rem 0 0; }
.api details { border-top: 1px solid var(--line); padding: .5rem 0; }
.api summary { cursor: pointer; }
.api dl { margin: .25rem 0 .75rem; }
.api dt { display: inline; }
.api dd { display: inline; margin: 0 0 0 .5rem; }
p { margin: 0 0 .9rem; }
p:last-child, ul:last-child { margin-bottom: 0; }
a { color: var(--accent); text-underline-offset: .18em; }
.lead { font-size: 1.0625rem; color: var(--soft); }
.soft { color: var(--soft); }
.small { font-size: .9375rem; }
.after { margin: 1.1rem 0 0; }
.hidden { position: absolute; width: 1px; height: 1px; margin: -1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
.sign { display: inline-flex; align-items: center; justify-content: center; width: 2.75rem; height: 2.75rem; margin: 0 0 1rem; border-radius: 50%; background: var(--tint); color: var(--accent); font-size: 1.25rem; font-weight: 700; }
.reference { margin-top: 1.75rem; padding-top: .9rem; border-top: 1px solid var(--line); font-size: .875rem; color: var(--soft); }
code { font: .9em/1.4 ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; background: var(--tint); border-radius: .3rem; padding: .1em .35em; }
.reference code { background: none; padding: 0; user-select: all; }
.actions { display: flex; flex-wrap: wrap; gap: .75rem; margin: 1.75rem 0 0; align-items: center; }
button, .button { appearance: none; display: inline-flex; align-items: center; justify-content: center; min-height: 2.75rem; padding: .55rem 1.15rem;
  border: 1px solid var(--edge); border-radius: .65rem; background: transparent; color: var(--ink); font: inherit; font-weight: 600; line-height: 1.3; text-decoration: none; text-align: center; cursor: pointer; }
button:hover, .button:hover { border-color: var(--ink); }
.primary { background: var(--accent); border-color: var(--accent); color: var(--accent-ink); }
.primary:hover { background: var(--accent-hover); border-color: var(--accent-hover); }
.danger { color: var(--bad); border-color: var(--bad); }
.danger:hover { background: var(--bad-tint); border-color: var(--bad); }
.quiet { min-width: 2rem; min-height: 2rem; padding: .2rem 0; border-color: transparent; color: var(--accent); font-weight: 550; text-decoration: underline; text-underline-offset: .18em; }
:focus-visible { outline: 3px solid var(--accent); outline-offset: 3px; border-radius: .4rem; }
.skip { position: absolute; left: 1rem; top: -4rem; background: var(--card); padding: .5rem 1rem; border-radius: .5rem; }
.skip:focus { top: 1rem; }
.identity { display: flex; flex-wrap: wrap; gap: .15rem .9rem; align-items: baseline; margin: 0 0 1.5rem; padding: .8rem 1rem; background: var(--tint); border-radius: .7rem; font-size: .9375rem; }
.identity > span { flex: 1 1 14rem; }
.facts { margin: 0; padding: 0; list-style: none; }
.facts > li { padding: .8rem 0; border-top: 1px solid var(--line); }
.facts > li:first-child { border-top: 0; padding-top: 0; }
.facts strong { display: block; font-weight: 640; }
.plain { margin: .3rem 0 0; padding-left: 1.15rem; list-style: disc; }
.chips { display: flex; flex-wrap: wrap; gap: .3rem .4rem; margin: .35rem 0 .45rem; padding: 0; list-style: none; }
.chips li { margin: 0; }
.plain li { margin: .15rem 0; }
.note { margin: 0 0 1.25rem; padding: .8rem 1rem; border-radius: .7rem; background: var(--tint); }
.note code { background: none; padding: 0; }
.note.warn { background: var(--warn-tint); color: var(--warn); }
.note.bad { background: var(--bad-tint); color: var(--bad); }
.badge { display: inline-block; padding: .05rem .55rem; border-radius: 1rem; font-size: .8125rem; font-weight: 620; background: var(--tint); color: var(--accent); vertical-align: .1em; }
.badge.warn { background: var(--warn-tint); color: var(--warn); }
.badge.bad { background: var(--bad-tint); color: var(--bad); }
.pair { display: grid; grid-template-columns: 1fr 1fr; gap: .75rem; margin: 1.25rem 0 0; }
.pair > div { border: 1px solid var(--line); border-radius: .7rem; padding: .9rem 1rem; }
.pair dt, .label { display: block; font-size: .8125rem; color: var(--soft); }
.connection { padding: 1.25rem clamp(1.1rem, 4vw, 1.75rem); }
.connection-head { display: flex; flex-wrap: wrap; justify-content: space-between; align-items: baseline; gap: .25rem 1rem; }
.connection dl { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(8.5rem, 100%), 1fr)); gap: .75rem 1.25rem; margin: .75rem 0 1rem; }
.connection dt { font-size: .8125rem; color: var(--soft); }
.connection dd { margin: 0; }
.connection .actions { margin-top: 1rem; }
.applications { list-style: none; margin: 0; padding: 0; border-top: 1px solid var(--line); }
.applications li { display: flex; flex-wrap: wrap; justify-content: space-between; align-items: center; gap: .1rem 1rem; padding: .55rem 0; border-bottom: 1px solid var(--line); }
.applications li > span { flex: 1 1 11rem; }
.applications form { margin: 0; }
.section { margin: 2.25rem 0 .75rem; }
.offers { display: grid; gap: .75rem; grid-template-columns: repeat(auto-fill, minmax(min(16rem, 100%), 1fr)); margin: 0; padding: 0; list-style: none; }
.offers li > bdi { flex: 1 1 6rem; font-weight: 600; }
.offers li { display: flex; flex-wrap: wrap; align-items: center; justify-content: space-between; gap: .5rem; background: var(--card); border: 1px solid var(--line); border-radius: .8rem; padding: .75rem 1rem; }
.offers form { margin: 0; }
.choices { display: grid; gap: .75rem; margin: 1.25rem 0 0; }
.choices .button { justify-content: flex-start; text-align: left; }
label, .field-label { display: block; font-weight: 640; margin: 0 0 .35rem; }
.field { width: 100%; min-height: 2.75rem; padding: .55rem .8rem; border: 1px solid var(--edge); border-radius: .65rem; background: var(--paper); color: var(--ink); font: .9375rem/1.4 ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; }
.masked { -webkit-text-security: disc; }
.token-field:has(.show:checked) .masked { -webkit-text-security: none; }
.show-row { display: flex; align-items: center; gap: .5rem; margin: .5rem 0 0; font-weight: 400; min-height: 1.75rem; }
.show-row input { width: 1.15rem; height: 1.15rem; accent-color: var(--accent); }
.instructions { white-space: pre-line; }
.token-form { margin: 1.5rem 0 0; padding-top: 1.25rem; border-top: 1px solid var(--line); }
@media (max-width: 30rem) {
  main { padding-left: .75rem; padding-right: .75rem; }
  header { padding-left: 1rem; padding-right: 1rem; }
  .actions > *, .actions > form > button { flex: 1 1 100%; width: 100%; }
  .pair { grid-template-columns: 1fr; }
}
@media (forced-colors: active) { .card, .note, .identity, .badge { border: 1px solid CanvasText; } }
@media print { .actions, .signed-in { display: none; } }
`;
