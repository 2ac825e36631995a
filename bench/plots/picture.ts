/*
 * What all plots have in common: their size, ground, type and colours. Colours are chosen twice, for light and dark, so
 * that text and lines keep a contrast of 4.5 to the ground.
 */
export const width = 760;
export const margin = 24;

const colours: readonly (readonly [light: string, dark: string])[] = [
  ['#2456c7', '#7ea6ff'],
  ['#0b7285', '#4fd1dd'],
  ['#b3541e', '#f0a06a'],
  ['#5d6779', '#a9b4c8'],
  ['#7a3fa0', '#cfa3ee'],
  ['#2b7a3d', '#74d18a'],
  ['#a8336b', '#f391bd'],
  ['#7a6212', '#dcc15c'],
];
export const colourCount = colours.length;

const rules = (theme: 0 | 1) =>
  colours
    .map(
      (pair, i) =>
        `.f${i}{fill:${pair[theme]}}.s${i}{stroke:${pair[theme]}}text.f${i}{fill:${pair[theme]}}`,
    )
    .join('');

const style =
  `.bg{fill:#fbfcfe}text{fill:#16213a}.m{fill:#44506b}.g{stroke:#dde3ee}.a{stroke:#6b7690}` +
  `.w{stroke:#16213a}.o{stroke:#fbfcfe}.other{fill:#a3afc4}.l{fill:none;stroke-width:2.25;stroke-linejoin:round}.ours{stroke-width:3.5}` +
  `${rules(0)}@media (prefers-color-scheme: dark){.bg{fill:#111827}text{fill:#eef2fb}.m{fill:#b8c3db}.g{stroke:#273349}` +
  `.a{stroke:#8391ab}.w{stroke:#eef2fb}.o{stroke:#111827}.other{fill:#56647f}${rules(1)}}`;

export interface Caption {
  readonly title: string;
  /** The load, in one line below the title. */
  readonly under: string;
  /** What it shows, for those who do not see it: with its numbers. */
  readonly description: string;
  /** How to read it, in one line at the bottom. */
  readonly foot: string;
}

/** The whole file: the caption around what was drawn between them. */
export function picture(caption: Caption, height: number, drawn: readonly string[]): string {
  const { title, under, description, foot } = caption;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-labelledby="t d" font-family="system-ui, -apple-system, 'Segoe UI', 'DejaVu Sans', sans-serif" font-size="13">`,
    `<title id="t">${escaped(title)}</title>`,
    `<desc id="d">${escaped(description)}</desc>`,
    `<style>${style}</style>`,
    `<rect class="bg" width="${width}" height="${height}" rx="12"/>`,
    text({ x: margin, y: 36, text: title, size: 17, weight: 600 }),
    text({ x: margin, y: 57, text: under, kind: 'm' }),
    ...drawn,
    text({ x: margin, y: height - 16, text: foot, kind: 'm', size: 12 }),
    '</svg>',
    '',
  ].join('\n');
}

export interface Text {
  readonly x: number;
  readonly y: number;
  readonly text: string;
  readonly anchor?: 'middle' | 'end';
  readonly kind?: string;
  readonly size?: number;
  readonly weight?: number;
}

export function text({ x, y, text: said, anchor, kind, size, weight }: Text): string {
  const attributes = [
    kind === undefined ? '' : ` class="${kind}"`,
    anchor === undefined ? '' : ` text-anchor="${anchor}"`,
    size === undefined ? '' : ` font-size="${size}"`,
    weight === undefined ? '' : ` font-weight="${weight}"`,
  ].join('');
  return `<text x="${place(x)}" y="${place(y)}"${attributes}>${escaped(said)}</text>`;
}

export function line(kind: string, from: readonly [number, number], to: readonly [number, number]) {
  return `<path class="${kind}" d="M${place(from[0])} ${place(from[1])}L${place(to[0])} ${place(to[1])}"/>`;
}

/** Half pixels are enough, and the same on every machine. */
export function place(value: number): string {
  return String(Math.round(value * 2) / 2);
}

/** Wide enough for the usual sans serif types, DejaVu's among them. */
export function widthOf(said: string, { size = 13, bold = false } = {}): number {
  return said.length * size * (bold ? 0.67 : 0.6);
}

function escaped(said: string): string {
  return said.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
