import { createHash } from 'node:crypto';
import { icon } from './icon.js';
import { styleSheet } from './style-sheet.js';

export interface Asset {
  readonly type: string;
  readonly body: string;
}

function nameOf(stem: string, ending: string, body: string): string {
  const fingerprint = createHash('sha256').update(body).digest('base64url').slice(0, 12);
  return `${stem}-${fingerprint}.${ending}`;
}

const styleSheetName = nameOf('style', 'css', styleSheet);
const iconName = nameOf('icon', 'svg', icon);

/** Our few static files by name; the name changes with the content, so each may be cached for ever. */
export const assets: ReadonlyMap<string, Asset> = new Map([
  [styleSheetName, { type: 'text/css; charset=utf-8', body: styleSheet }],
  [iconName, { type: 'image/svg+xml', body: icon }],
]);

export const styleSheetPath = `/assets/${styleSheetName}`;
export const iconPath = `/assets/${iconName}`;
