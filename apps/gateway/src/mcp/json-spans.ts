import type { Span } from './json-scan.js';

const structural = /["[\]{}]/g;
const scalar = /[^\s,:[\]{}"]+/y;
const gap = /[\s,:]*/y;

export interface MemberSpan extends Span {
  readonly name: string;
  /** Where the value begins; it ends where the member does. */
  readonly value: number;
}

/** The members of the object that begins at `at`. The text is known to be JSON: JSON.parse took it. */
export function* membersOf(text: string, at: number): Generator<MemberSpan> {
  for (let next = after(gap, text, at + 1); text[next] !== '}';) {
    const start = next;
    const named = endOfString(text, start);
    const value = after(gap, text, named);
    const end = endOfValue(text, value);
    yield { name: String(JSON.parse(text.slice(start, named))), start, value, end };
    next = after(gap, text, end);
  }
}

/** The elements of the array that begins at `at`. */
export function* elementsOf(text: string, at: number): Generator<Span> {
  for (let start = after(gap, text, at + 1); text[start] !== ']';) {
    const end = endOfValue(text, start);
    yield { start, end };
    start = after(gap, text, end);
  }
}

/** Where the first value of the text begins. */
export function startOfValue(text: string): number {
  return after(gap, text, 0);
}

function endOfValue(text: string, start: number): number {
  const first = text[start];
  if (first === '"') return endOfString(text, start);
  if (first !== '{' && first !== '[') return after(scalar, text, start);
  let depth = 0;
  for (let at = start; at < text.length;) {
    structural.lastIndex = at;
    const found = structural.exec(text);
    if (found === null) break;
    const [character] = found;
    if (character === '"') {
      at = endOfString(text, found.index);
      continue;
    }
    depth += character === '{' || character === '[' ? 1 : -1;
    at = found.index + 1;
    if (depth === 0) return at;
  }
  return text.length;
}

function endOfString(text: string, start: number): number {
  let end = text.indexOf('"', start + 1);
  while (end >= 0 && isEscaped(text, end)) end = text.indexOf('"', end + 1);
  return end < 0 ? text.length : end + 1;
}

function isEscaped(text: string, quote: number): boolean {
  let slashes = 0;
  while (text[quote - slashes - 1] === '\\') slashes += 1;
  return slashes % 2 === 1;
}

/** Sticky: where what the pattern matches at `at` ends. */
function after(pattern: RegExp, text: string, at: number): number {
  pattern.lastIndex = at;
  const found = pattern.exec(text);
  if (found === null) throw new SyntaxError('this is not JSON');
  return at + found[0].length;
}
