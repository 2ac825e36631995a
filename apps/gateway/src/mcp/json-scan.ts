export interface Span {
  readonly start: number;
  readonly end: number;
}

/** Where the members of the top-level `params` object stand in the text, by name. */
export interface ScannedMessage {
  readonly params: Span | undefined;
  readonly members: ReadonlyMap<string, Span>;
}

/** What JSON.parse accepts and we do not: nesting beyond `maximumDepth`, a name twice, `Method` for `method`, `__proto__`. */
export class JsonRefused extends Error {
  override readonly name = 'JsonRefused';
}

const maximumDepth = 32;
const ofMessages = new Set(['jsonrpc', 'id', 'method', 'params', 'result', 'error']);
const whitespace = /[\t\n\r ]*/y;
const string = /"[^"\\]*(?:\\.[^"\\]*)*"/sy;
const scalar = /[^\s,:[\]{}"]+/y;

/**
 * Walks the text once, before JSON.parse sees it: JSON.parse would keep the last of two equal names while
 * an upstream keeps the first, and what was checked must be what is forwarded (RFC 8259 §4).
 */
export function scanJson(text: string): ScannedMessage {
  return new Scanner(text).scan();
}

class Scanner {
  #at = 0;
  #params: Span | undefined;
  readonly #members = new Map<string, Span>();

  constructor(private readonly text: string) {}

  scan(): ScannedMessage {
    this.#value(0, '');
    this.#skip();
    if (this.#at !== this.text.length) throw new JsonRefused('there is more than one JSON value');
    return { params: this.#params, members: this.#members };
  }

  #value(depth: number, path: string): void {
    this.#skip();
    const first = this.text[this.#at];
    const nests = first === '{' || first === '[';
    if (nests && depth === maximumDepth)
      throw new JsonRefused(`nesting is deeper than ${maximumDepth}`);
    if (first === '{') this.#object(depth + 1, path);
    else if (first === '[') this.#array(depth + 1);
    else this.#take(first === '"' ? string : scalar);
  }

  #object(depth: number, path: string): void {
    const start = this.#at;
    const names = new Set<string>();
    this.#at += 1;
    if (!this.#ends('}')) {
      do this.#member(depth, path, names);
      while (this.#continues('}'));
    }
    if (path === '/params') this.#params = { start, end: this.#at };
  }

  #member(depth: number, path: string, names: Set<string>): void {
    this.#skip();
    const start = this.#at;
    const name = nameOf(this.#take(string));
    if (name === '__proto__') throw new JsonRefused('a member is named __proto__');
    const known = depth === 1 || path === '/params' ? folded(name) : name;
    if (names.has(known)) throw new JsonRefused('a member stands twice');
    names.add(known);
    if (depth === 1 && known !== name && ofMessages.has(known))
      throw new JsonRefused('a member is not written as JSON-RPC has it');
    this.#skip();
    if (this.text[this.#at] !== ':') throw new JsonRefused('a colon is missing');
    this.#at += 1;
    this.#value(depth, depth === 1 ? `/${name}` : '');
    if (path === '/params') this.#members.set(name, { start, end: this.#at });
  }

  #array(depth: number): void {
    this.#at += 1;
    if (this.#ends(']')) return;
    do this.#value(depth, '');
    while (this.#continues(']'));
  }

  #ends(closing: string): boolean {
    this.#skip();
    if (this.text[this.#at] !== closing) return false;
    this.#at += 1;
    return true;
  }

  #continues(closing: string): boolean {
    if (this.#ends(closing)) return false;
    if (this.text[this.#at] !== ',') throw new JsonRefused('a comma is missing');
    this.#at += 1;
    return true;
  }

  #skip(): void {
    whitespace.lastIndex = this.#at;
    whitespace.exec(this.text);
    this.#at = whitespace.lastIndex;
  }

  #take(pattern: RegExp): string {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.text)?.[0];
    if (found === undefined) throw new JsonRefused('this is not JSON');
    this.#at += found.length;
    return found;
  }
}

/** As decoders read names that do not care for case (Go's encoding/json, .NET): what we judge must be what they take. */
function folded(name: string): string {
  return name.normalize('NFKC').toLowerCase();
}

function nameOf(quoted: string): string {
  try {
    return String(JSON.parse(quoted));
  } catch {
    throw new JsonRefused('this is not JSON');
  }
}
