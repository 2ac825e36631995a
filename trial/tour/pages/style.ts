/** System font, two palettes, one column; nothing fetched from anywhere. */
export const style = `
:root { color-scheme: light dark;
  --paper: #f5f4f0; --card: #fff; --ink: #1c2321; --soft: #55605c; --line: #dcdad2; --edge: #7d8581;
  --accent: #0f5f58; --accent-ink: #fff; --accent-hover: #0a4a44; --tint: #e8f1ef;
  --warn: #7a4300; --warn-tint: #fdf1de; --bad: #9c1c1c; --bad-tint: #fbe9e7; }
@media (prefers-color-scheme: dark) { :root {
  --paper: #121615; --card: #1a201e; --ink: #e9ece8; --soft: #a5b0ab; --line: #303936; --edge: #77827d;
  --accent: #7fd6ca; --accent-ink: #06201d; --accent-hover: #a4e6dc; --tint: #1d2f2c;
  --warn: #f3c27e; --warn-tint: #33270f; --bad: #ffb4ab; --bad-tint: #3b1b18; } }
*, *::before, *::after { box-sizing: border-box; }
html { font: 100%/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif; -webkit-text-size-adjust: 100%; scroll-padding-top: 1rem; }
body { margin: 0; background: var(--paper); color: var(--ink); overflow-wrap: anywhere; }
.skip { position: absolute; left: 1rem; top: -4rem; background: var(--card); padding: .5rem 1rem; border-radius: .5rem; }
.skip:focus { top: 1rem; }
header, main { max-width: 48rem; margin: 0 auto; padding: 0 1.25rem; }
header { padding-top: clamp(1.25rem, 5vh, 3rem); padding-bottom: 1.5rem; }
main { padding-bottom: 5rem; }
h1 { font-size: clamp(1.5rem, 1.2rem + 1.6vw, 2rem); line-height: 1.2; font-weight: 680; letter-spacing: -.015em; margin: 0 0 .75rem; text-wrap: balance; }
h2 { font-size: 1.1875rem; line-height: 1.3; margin: 0 0 .5rem; font-weight: 660; }
p { margin: 0 0 .9rem; } p:last-child { margin-bottom: 0; }
a { color: var(--accent); text-underline-offset: .18em; }
.lead { font-size: 1.0625rem; color: var(--soft); max-width: 40rem; }
.soft { color: var(--soft); } .small { font-size: .9375rem; }
.who { display: flex; flex-wrap: wrap; gap: .4rem 1rem; align-items: center; justify-content: space-between; margin: 0 0 1.25rem; padding: .7rem 1rem; background: var(--tint); border-radius: .75rem; }
.who p { margin: 0; } .who form { margin: 0 -.5rem; }
.progress { margin: 1.5rem 0; }
.progress p { margin: 0 0 .5rem; font-weight: 600; }
.progress ol { list-style: none; display: flex; flex-wrap: wrap; gap: .4rem; margin: 0; padding: 0; }
.progress a { display: flex; align-items: center; justify-content: center; min-width: 2.25rem; height: 2.25rem; padding: 0 .5rem; border: 1px solid var(--edge); border-radius: .6rem; color: var(--ink); text-decoration: none; font-variant-numeric: tabular-nums; background: var(--card); }
.progress a:hover { border-color: var(--ink); }
.progress .done a { background: var(--accent); border-color: var(--accent); color: var(--accent-ink); }
.progress .failed a { border-color: var(--bad); color: var(--bad); }
.progress .waiting a { border-color: var(--warn); color: var(--warn); }
.steps { list-style: none; margin: 0; padding: 0; }
.step { position: relative; background: var(--card); border: 1px solid var(--line); border-radius: 1rem; padding: clamp(1.1rem, 4vw, 1.75rem); margin: 0 0 1rem; }
.number { color: var(--soft); font-weight: 500; font-variant-numeric: tabular-nums; margin-right: .5rem; }
.step form { display: flex; flex-wrap: wrap; gap: .75rem; align-items: center; margin: 1rem 0 0; }
.step form + form { margin-top: .75rem; }
fieldset { border: 0; margin: 0 0 .25rem; padding: 0; flex: 1 0 100%; display: grid; gap: .4rem; }
legend { padding: 0; margin: 0 0 .4rem; font-weight: 600; }
label { display: flex; gap: .6rem; align-items: baseline; padding: .55rem .8rem; border: 1px solid var(--line); border-radius: .65rem; cursor: pointer; }
label:has(:checked) { border-color: var(--accent); background: var(--tint); }
label span { flex: 1; } label small { display: block; color: var(--soft); font-size: .875rem; }
input[type=radio] { accent-color: var(--accent); margin: 0; transform: translateY(.1em); }
button, .button { appearance: none; display: inline-flex; align-items: center; justify-content: center; min-height: 2.75rem; padding: .55rem 1.15rem; border: 1px solid var(--edge); border-radius: .65rem; background: transparent; color: var(--ink); font: inherit; font-weight: 600; line-height: 1.3; text-decoration: none; text-align: center; cursor: pointer; }
button:hover, .button:hover { border-color: var(--ink); }
.primary { background: var(--accent); border-color: var(--accent); color: var(--accent-ink); }
.primary:hover { background: var(--accent-hover); border-color: var(--accent-hover); }
.quiet { min-height: 2rem; padding: .2rem .5rem; border-color: transparent; color: var(--accent); font-weight: 550; text-decoration: underline; text-underline-offset: .18em; }
:focus-visible { outline: 3px solid var(--accent); outline-offset: 3px; }
.result { margin: 1.25rem 0 0; padding: 1rem 0 0; border-top: 1px solid var(--line); }
.result > * { margin: 0 0 .9rem; } .result > :last-child { margin-bottom: 0; }
.says { padding: .7rem 1rem; border-radius: .7rem; background: var(--tint); }
.says.waiting { background: var(--warn-tint); color: var(--warn); }
.says.failed { background: var(--bad-tint); color: var(--bad); }
dl { display: grid; gap: .6rem; margin: 0; }
dt { font-size: .875rem; color: var(--soft); } dd { margin: 0; }
@media (min-width: 40rem) { dl > div { display: grid; grid-template-columns: 17rem 1fr; gap: 1rem; align-items: baseline; } }
code, pre { font: .875rem/1.5 ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; }
table { width: 100%; border-collapse: collapse; font-size: .9375rem; font-variant-numeric: tabular-nums; }
th, td { text-align: left; vertical-align: top; padding: .45rem .9rem .45rem 0; border-top: 1px solid var(--line); }
thead th { border-top: 0; font-size: .875rem; font-weight: 500; color: var(--soft); }
tbody th { font-weight: 600; overflow-wrap: break-word; }
@media (max-width: 34rem) {
  thead { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
  tr { display: block; padding: .5rem 0; border-top: 1px solid var(--line); }
  th, td { display: block; border: 0; padding: .1rem 0; }
  td::before { content: attr(data-head) ": "; color: var(--soft); font-size: .875rem; } }
details { border: 1px solid var(--line); border-radius: .65rem; }
.result > details { margin-bottom: .5rem; }
summary { cursor: pointer; padding: .55rem .9rem; font-weight: 550; border-radius: .65rem; }
pre { margin: 0; padding: .75rem .9rem 1rem; border-top: 1px solid var(--line); white-space: pre-wrap; overflow-wrap: anywhere; }
`;
