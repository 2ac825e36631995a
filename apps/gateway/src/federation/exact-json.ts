import { randomBytes } from 'node:crypto';

// Nobody else knows the mark, so no peer can write a string that is printed as a number.
const mark = `number-${randomBytes(12).toString('hex')}:`;
const marked = new RegExp(`"${mark}(-?[0-9.eE+-]+)"`, 'g');
const number = /-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
const perhapsInexact = /\d{16}|\d[.eE]/;

/** Whether JSON.parse loses nothing of it that `printExact` should bring back. */
export function isExactAsParsed(text: string): boolean {
  return !perhapsInexact.test(text);
}

/** JSON.parse, but a number that JavaScript would round or spell differently comes out of `printExact` as it was. */
export function parseExact(text: string): unknown {
  return JSON.parse(perhapsInexact.test(text) ? withMarks(text) : text);
}

export function printExact(value: unknown): string {
  const text = JSON.stringify(value) ?? 'null';
  return text.includes(mark) ? text.replaceAll(marked, '$1') : text;
}

function withMarks(text: string): string {
  const parts: string[] = [];
  let copied = 0;
  let at = 0;
  while (at < text.length) {
    const first = text.charCodeAt(at);
    if (first === 0x22) {
      at = afterString(text, at);
      continue;
    }
    number.lastIndex = at;
    const found = isNumberStart(first) ? number.exec(text)?.[0] : undefined;
    if (found !== undefined && String(Number(found)) !== found) {
      parts.push(text.slice(copied, at), `"${mark}${found}"`);
      copied = at + found.length;
    }
    at += found?.length ?? 1;
  }
  return parts.length === 0 ? text : parts.join('') + text.slice(copied);
}

function isNumberStart(code: number): boolean {
  return code === 0x2d || (code >= 0x30 && code <= 0x39);
}

function afterString(text: string, start: number): number {
  let end = text.indexOf('"', start + 1);
  while (end !== -1) {
    let slashes = 0;
    while (text.charCodeAt(end - 1 - slashes) === 0x5c) slashes += 1;
    if (slashes % 2 === 0) return end + 1;
    end = text.indexOf('"', end + 1);
  }
  return text.length;
}
